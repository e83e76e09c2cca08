using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.OAuth;

/// <summary>Begins a sign-in at the provider: a state and a PKCE verifier that work once, for this person and this browser, for ten minutes.</summary>
public sealed class BeginConnect(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, OAuthApps apps, OAuthProviders providers, TimeProvider clock)
{
    internal const string VerifierPurpose = "oauth-verifier";

    public static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    /// <param name="RedirectUri">Where the provider sends the browser back.</param>
    /// <param name="BrowserHash">SHA-256 of what the browser keeps.</param>
    public sealed record Input(string RedirectUri, byte[] BrowserHash);

    /// <param name="Provider">Where the browser goes now.</param>
    public sealed record Begun(Uri Provider);

    public async Task<Outcome<Begun>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var credential = await db.Credentials.SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null) return Problem.NotFound("credential");
        var grant = await db.TokenGrants.SingleOrDefaultAsync(g => g.CredentialId == credential.Id, ct);
        if (grant is null || ConnectQuery.Known(apps, grant) is not { } app) return Problem.Conflict("Save the OAuth client first.");
        if (app.Number != await OAuthApps.NewestAsync(db, grant, ct)) return Problem.Conflict("The OAuth client was changed outside the app. Save it again after looking into it.");

        var now = clock.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var state = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32));
        // 43 characters, as RFC 7636 wants at least.
        using var verifier = Plaintext.CopyOf(Encoding.ASCII.GetBytes(Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32))));
        db.ConnectAttempts.Add(new ConnectAttempt
        {
            Id = id,
            CredentialId = credential.Id,
            UserId = actor.Id,
            StateHash = SHA256.HashData(Encoding.ASCII.GetBytes(state)),
            BrowserHash = input.BrowserHash,
            SealedVerifier = vault.SealBlob(VerifierPurpose, id.ToByteArray(true), verifier.Bytes),
            RedirectUri = input.RedirectUri,
            ExpiresAt = now + Life,
        });
        AuditTrail.Append(db, now, actor, AuditAction.OAuthStarted, AuditSubject.Credential(credential), "Went to sign in at " + new Uri(app.AuthorizeUrl).Authority);
        await write.CommitAsync(ct);
        return new Begun(OAuthConnector.AuthorizeUrl(providers.Of(app), app, input.RedirectUri, state, OAuthConnector.Challenge(verifier.Bytes)));
    }
}
