using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.OAuth;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.OAuth;

/// <summary>What the connect page shows: the client without its secret, and how the sign-in is.</summary>
public sealed class ConnectQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, OAuthApps apps)
{
    /// <param name="App">Null when none was saved, or the saved one is not as the app wrote it.</param>
    /// <param name="HasClientSecret">Whether a secret is kept.</param>
    /// <param name="Tampered">The client was changed outside the app.</param>
    /// <param name="LastRefusal">What the trail says of the last sign-in that failed, while none has succeeded since.</param>
    public sealed record View(string Name, string? Provider, OAuthApp? App, bool HasClientSecret, bool Tampered, bool IsConnected, string? AuthorizedBy, DateTimeOffset? AuthorizedAt, string? NeedsSignInWhy, string? LastRefusal);

    public async Task<Outcome<View>> RunAsync(Actor actor, string ws, string name, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        var credential = await db.Credentials.AsNoTracking().SingleOrDefaultAsync(c => c.WorkspaceId == workspace.Id && c.Name == name && c.ArchivedAt == null && c.Type == CredentialType.OAuthToken, ct);
        if (credential is null) return Problem.NotFound("credential");
        var grant = await db.TokenGrants.AsNoTracking().SingleOrDefaultAsync(g => g.CredentialId == credential.Id, ct);
        var app = grant is null ? null : Known(apps, grant);
        var tampered = grant?.SealedApp is not null && app?.Number != await OAuthApps.NewestAsync(db, grant, ct);
        var last = await db.AuditEvents.AsNoTracking().Where(e => e.CredentialId == credential.Id && (e.Action == AuditAction.OAuthConnected || e.Action == AuditAction.OAuthRefused)).OrderByDescending(e => e.Seq).Select(e => new { e.Action, e.Detail }).FirstOrDefaultAsync(ct);
        return new View(credential.Name, credential.Provider, tampered ? null : app, grant?.SealedSecret is not null, tampered, credential.ActiveVersion is not null, grant?.AuthorizedBy, grant?.AuthorizedAt, credential.NeedsSignInWhy,
            last?.Action == AuditAction.OAuthRefused ? last.Detail : null);
    }

    /// <summary>The client, or null when there is none that the app wrote.</summary>
    internal static OAuthApp? Known(OAuthApps apps, TokenGrant grant)
    {
        try
        {
            return apps.Open(grant);
        }
        catch (IntegrityException)
        {
            return null;
        }
    }
}
