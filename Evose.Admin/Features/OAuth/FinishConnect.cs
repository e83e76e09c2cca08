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

/// <summary>
/// Ends a sign-in: checks the state, uses it up, exchanges the code, and puts the tokens into use. Whatever goes wrong leaves the version that was in use as it was.
/// </summary>
public sealed class FinishConnect(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, OAuthApps apps, OAuthProviders providers, OAuthConnector connector, TokenKeeper keeper, Erasure erasure, TimeProvider clock)
{
    /// <param name="BrowserHash">SHA-256 of what the browser kept; empty when it had nothing.</param>
    /// <param name="Parameter">A parameter of the callback's address by its name.</param>
    /// <param name="Error">The provider's word when it gave no code.</param>
    public sealed record Input(string? State, byte[] BrowserHash, Func<string, string?> Parameter, string? Error);

    /// <param name="Result">A word for the connect page.</param>
    public sealed record Finished(string Ws, string Name, string Result);

    public async Task<Outcome<Finished>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if ((await UseUpAsync(actor, input, ct)).Failed(out var problem, out var begun)) return problem;
        // The right may be gone since the beginning.
        if ((await authorizer.AuthorizeAsync(actor, begun.Ws, Permission.ManageCredentials, ct)).Failed(out var refused)) return refused;

        TokenGrant? grant;
        OAuthApp? app;
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            grant = await db.TokenGrants.AsNoTracking().SingleOrDefaultAsync(g => g.CredentialId == begun.Attempt.CredentialId, ct);
            app = grant is null ? null : ConnectQuery.Known(apps, grant);
            if (app is null || app.Number != await OAuthApps.NewestAsync(db, grant!, ct)) return await RefuseAsync(actor, begun, "not_ready", null, null, ct);
        }
        var provider = providers.Of(app);
        if (!string.IsNullOrEmpty(input.Error)) return await RefuseAsync(actor, begun, input.Error == "access_denied" ? "refused" : "failed", input.Error == "access_denied" ? TokenFault.NeedsConsent : TokenFault.Misconfigured, input.Error, ct);
        if (input.Parameter(provider.CodeParameter) is not { Length: > 0 and <= 4096 } text) return await RefuseAsync(actor, begun, "no_code", null, null, ct);

        using var code = Plaintext.CopyOf(Encoding.UTF8.GetBytes(text));
        using var verifier = vault.OpenBlob(BeginConnect.VerifierPurpose, begun.Attempt.Id.ToByteArray(true), begun.Attempt.SealedVerifier);
        using var secret = apps.OpenSecret(grant!);
        using var answer = await connector.ExchangeAsync(provider, app, secret, code, begun.Attempt.RedirectUri, verifier, begun.WorkspaceId, ct);
        if (answer.Fault is { } fault) return await RefuseAsync(actor, begun, fault is TokenFault.Transient or TokenFault.Unknown ? "provider_down" : "failed", fault, answer.Code, ct);
        return await TakeAsync(actor, begun, answer, ct);
    }

    // One transaction: of two that come with the same state, one finds it used.
    private async Task<Outcome<Begun>> UseUpAsync(Actor actor, Input input, CancellationToken ct)
    {
        if (input.State is not { Length: > 0 and <= 200 } state || state.Any(c => !char.IsAscii(c))) return Unknown("state");
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(state));
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var attempt = await db.ConnectAttempts.SingleOrDefaultAsync(a => a.StateHash == hash, ct);
        if (attempt is null) return Unknown("state");
        if (attempt.UsedAt is not null) return Unknown("used");
        var now = clock.GetUtcNow();
        if (attempt.ExpiresAt <= now) return Unknown("expired");
        // Somebody else's state in this browser: an attempt to make this person finish what another began. It stays good for its owner.
        if (attempt.UserId != actor.Id || !CryptographicOperations.FixedTimeEquals(attempt.BrowserHash, input.BrowserHash)) return Unknown("browser");
        var credential = await db.Credentials.AsNoTracking().SingleAsync(c => c.Id == attempt.CredentialId, ct);
        var ws = await db.Workspaces.Where(w => w.Id == credential.WorkspaceId).Select(w => w.Slug).SingleAsync(ct);
        if (credential.ArchivedAt is not null) return Unknown("gone");
        attempt.UsedAt = now;
        await write.CommitAsync(ct);
        return new Begun(attempt, credential.WorkspaceId, ws, credential.Name);
    }

    private async Task<Outcome<Finished>> TakeAsync(Actor actor, Begun begun, TokenAnswer answer, CancellationToken ct)
    {
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            await using var write = await db.BeginWriteAsync(ct);
            var now = clock.GetUtcNow();
            var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Id == begun.Attempt.CredentialId, ct);
            if (credential.ArchivedAt is not null) return Unknown("gone");
            var grant = await db.TokenGrants.SingleAsync(g => g.CredentialId == credential.Id, ct);
            // No refresh token is carried over here: this may be another person's sign-in than the last one.
            var version = keeper.Take(credential, grant, answer, null, actor.Name, now);
            db.CredentialVersions.Add(version);
            grant.Authorize(actor.Id, actor.Name, now);
            AuditTrail.Append(db, now, actor, AuditAction.OAuthConnected, AuditSubject.Credential(credential), $"Version {version.Number}{(answer.Refresh is null ? ", without a refresh token" : "")}; scopes: {grant.GrantedScopes ?? "not said"}");
            await write.CommitAsync(ct);
        }
        await erasure.NowAsync();
        return new Finished(begun.Ws, begun.Name, answer.Refresh is null && answer.ExpiresIn is not null ? "connected_for_now" : "connected");
    }

    private async Task<Outcome<Finished>> RefuseAsync(Actor actor, Begun begun, string result, TokenFault? fault, string? code, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        var word = code is { Length: <= 64 } && code.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.' or ' ') ? code : null;
        AuditTrail.Append(db, now, actor, AuditAction.OAuthRefused, new AuditSubject(begun.WorkspaceId, begun.Name, begun.Attempt.CredentialId, begun.Attempt.CredentialId),
            (fault?.Sentence() ?? "The sign-in was not finished: " + result.Replace('_', ' ') + ".") + (word is null ? "" : $" The provider says {word}."), AuditOutcome.Failed);
        await write.CommitAsync(ct);
        return new Finished(begun.Ws, begun.Name, result);
    }

    private static Problem Unknown(string reason) => Problem.Forbidden(reason, "This sign-in cannot be finished.");

    private sealed record Begun(ConnectAttempt Attempt, Guid WorkspaceId, string Ws, string Name);
}
