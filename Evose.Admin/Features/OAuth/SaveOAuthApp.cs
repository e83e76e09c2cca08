using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.OAuth;

/// <summary>Keeps the client that an organization has at a provider, its secret sealed. What failed because of the client before is tried again with the new one.</summary>
public sealed class SaveOAuthApp(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, StagedValues staged, OAuthApps apps, TimeProvider clock)
{
    /// <param name="Secret">Id of the secret in the intake; null keeps the one that is there.</param>
    public sealed record Input(OAuthAppInput App, Guid? Secret, bool RemoveSecret = false);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var credential = await db.Credentials.SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null) return Problem.NotFound("credential");
        if (credential.Type != CredentialType.OAuthToken) return Problem.Conflict("Only an OAuth token has an OAuth client.");
        var now = clock.GetUtcNow();
        var grant = await db.TokenGrants.SingleOrDefaultAsync(g => g.CredentialId == credential.Id, ct);
        if (grant is null) db.TokenGrants.Add(grant = new TokenGrant(Guid.CreateVersion7(now), credential.Id, workspace.Id));
        var number = await OAuthApps.NewestAsync(db, grant, ct) + 1;
        if (apps.Read(input.App, number).Failed(out var bad, out var app)) return bad;
        var before = Before(grant);
        // A secret that was given for one address must not go to another because somebody changed the address: whoever moves it knows it.
        if (input.Secret is null && !input.RemoveSecret && grant.SealedSecret is not null && (before is null || before.ClientId != app.ClientId || new Uri(before.TokenUrl).Authority != new Uri(app.TokenUrl).Authority))
            return Problem.Invalid("client_secret", "The client or the host of the token address changed. Enter the client's secret again.");

        apps.Seal(grant, app);
        if (input.RemoveSecret) apps.SealSecret(grant, null);
        if (input.Secret is { } id)
        {
            using var secret = await staged.TakeAsync(db, actor, id, ct);
            if (secret is null) return Problem.Invalid("client_secret", "The secret is no longer there: it is kept for 15 minutes. Enter it again.");
            if (ValueRules.Refuse(CredentialType.OAuthToken, "client_secret", secret.Bytes) is { } unusable) return unusable;
            apps.SealSecret(grant, secret);
        }
        if (grant.LastFault == TokenFault.Misconfigured && credential.ActiveVersion is not null) credential.SignedIn();
        grant.TryAgain(now);
        credential.Provider = app.Provider;
        AuditTrail.Append(db, now, actor, AuditAction.OAuthAppSaved, new AuditSubject(workspace.Id, credential.Name, grant.Id, credential.Id, number), OAuthApps.Describe(app));
        await write.CommitAsync(ct);
        return Done.It;
    }

    private OAuthApp? Before(TokenGrant grant)
    {
        try
        {
            return apps.Open(grant);
        }
        catch (IntegrityException)
        {
            // Saving anew is the way out of a row that somebody damaged.
            return null;
        }
    }
}
