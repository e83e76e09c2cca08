using System.Collections.Concurrent;
using System.Data.Common;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.OAuth;

/// <summary>How an attempt to renew a token ended.</summary>
public enum Renewal
{
    /// <summary>A newer version is in use, whoever got it.</summary>
    Renewed,

    /// <summary>Somebody has to sign in at the provider first.</summary>
    ConsentNeeded,

    /// <summary>Not now; it is tried again by itself.</summary>
    NotNow,
}

/// <summary>
/// Keeps OAuth tokens alive. One refresh at a time per credential: those of this process share one flight, those of several nodes a lease in the database. No lock is held while the provider is asked.
/// A refresh token that works once is never sent again after it was sent with an unknown end; the new one is stored in the same transaction as the new access token.
/// </summary>
public sealed partial class TokenKeeper(IDbContextFactory<AdminDb> dbs, SecretVault vault, OAuthConnector connector, OAuthProviders providers, OAuthApps apps, Erasure erasure, IntegrityAlarm alarm, TimeProvider clock, ILogger<TokenKeeper> log) : IAsyncDisposable
{
    public const string RefreshField = "refresh_token";

    /// <summary>How long a call waits for a new token.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(25);

    // Longer than asking and storing can take together, so that a lease that ran out belongs to a process that is gone.
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private static readonly Actor Keeper = Actor.Job("oauth-keeper");

    /// <summary>Rolled versions that are over and kept for the history.</summary>
    private const int KeptVersions = 30;

    private readonly ConcurrentDictionary<(Guid Credential, int Version, bool Refused), Lazy<Task<Renewal>>> _flights = new();

    /// <summary>Gets a newer token than that of the version, or learns that somebody else did.</summary>
    /// <param name="refused">The upstream refused the version's token, whatever its date says.</param>
    public async Task<Renewal> RenewAsync(Guid credentialId, int version, bool refused, CancellationToken ct)
    {
        var key = (credentialId, version, refused);
        // Of no caller's own: one that leaves must not take the others' token with it.
        var flight = _flights.GetOrAdd(key, k => new Lazy<Task<Renewal>>(() => Task.Run(() => FlyAsync(k.Credential, k.Version, k.Refused))));
        try
        {
            return await flight.Value.WaitAsync(Patience, ct);
        }
        catch (TimeoutException)
        {
            return Renewal.NotNow;
        }
    }

    /// <summary>Puts tokens that the provider has just given into use, in the caller's transaction. The credential comes with its versions and their fields.</summary>
    public CredentialVersion Take(Credential credential, TokenGrant grant, TokenAnswer tokens, Plaintext? keptRefresh, string by, DateTimeOffset now)
    {
        var fields = new Dictionary<string, Plaintext>(StringComparer.Ordinal) { [Credential.MainField] = tokens.Access! };
        if ((tokens.Refresh ?? keptRefresh) is { } refresh) fields[RefreshField] = refresh;
        var @sealed = vault.Seal(new SecretAddress(credential.WorkspaceId, credential.Id, credential.NextVersionNumber), fields);
        var expiresAt = now + tokens.ExpiresIn;
        var version = credential.Roll(Guid.CreateVersion7(now), @sealed, vault.Fingerprint(tokens.Access!), by, expiresAt, now);
        credential.SignedIn();
        // An answer without a date of its own leaves the date of the token that stays.
        var refreshEnds = tokens.RefreshExpiresIn is { } life ? now + life : tokens.Refresh is null ? grant.RefreshTokenEndsAt : null;
        grant.Took(tokens.Scopes, fields.ContainsKey(RefreshField), expiresAt, refreshEnds, now);
        return version;
    }

    /// <summary>Waits for the refreshes that are under way: one that is cut off may lose the token it was given.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var flight in _flights.Values) await ((Task)flight.Value).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task<Renewal> FlyAsync(Guid credentialId, int version, bool refused)
    {
        try
        {
            var began = clock.GetTimestamp();
            while (true)
            {
                var (done, work) = await ClaimAsync(credentialId, version, refused);
                if (done is { } end) return end;
                if (work is not null)
                    using (work)
                        return await RefreshAsync(work, refused);
                if (clock.GetElapsedTime(began) > Patience) return Renewal.NotNow;
                await Task.Delay(Poll);
            }
        }
        catch (Exception e) when (e is DbException or TimeoutException or VaultSealedException or DbUpdateException)
        {
            LogFailed(credentialId, e.GetType().Name);
            return Renewal.NotNow;
        }
        finally
        {
            _flights.TryRemove((credentialId, version, refused), out _);
        }
    }

    // Neither an end nor work: somebody else is at it.
    private async Task<(Renewal? Done, Work? Work)> ClaimAsync(Guid credentialId, int version, bool refused)
    {
        // A look without the writer first: those who wait look often.
        await using (var look = await dbs.CreateDbContextAsync())
        {
            var seen = await look.Credentials.AsNoTracking().Where(c => c.Id == credentialId && c.ArchivedAt == null).Select(c => new { c.ActiveVersion, c.NeedsSignInAt }).SingleOrDefaultAsync();
            if (seen?.ActiveVersion is not { } active) return (Renewal.ConsentNeeded, null);
            if (active != version) return (Renewal.Renewed, null);
            if (seen.NeedsSignInAt is not null && !refused) return (Renewal.ConsentNeeded, null);
            var now = clock.GetUtcNow();
            var state = await look.TokenGrants.AsNoTracking().SingleOrDefaultAsync(g => g.CredentialId == credentialId);
            if (state?.IsLeased(now) == true) return (null, null);
            if (state?.NotBefore > now) return (Renewal.NotNow, null);
            // An upstream that refuses even a token of this minute does not mean the token.
            if (refused && state?.RefreshedAt > now - Fresh && await look.CredentialVersions.AnyAsync(v => v.CredentialId == credentialId && v.Number == version && v.CreatedBy == Keeper.Name)) return (Renewal.NotNow, null);
        }

        await using var db = await dbs.CreateDbContextAsync();
        await using var write = await db.BeginWriteAsync(CancellationToken.None);
        {
            var now = clock.GetUtcNow();
            var credential = await db.Credentials.Include(c => c.Versions.Where(v => v.State == VersionState.Active)).ThenInclude(v => v.Fields).SingleOrDefaultAsync(c => c.Id == credentialId && c.ArchivedAt == null);
            if (credential?.Active is not { Value: { } value } active) return (Renewal.ConsentNeeded, null);
            if (active.Number != version) return (Renewal.Renewed, null);
            if (credential.NeedsSignInAt is not null)
            {
                // Its token was good until its end; now it is known not to be.
                if (refused && !(active.ExpiresAt <= now))
                {
                    active.ExpiresAt = now;
                    await write.CommitAsync(CancellationToken.None);
                }
                return (Renewal.ConsentNeeded, null);
            }
            var grant = await db.TokenGrants.SingleOrDefaultAsync(g => g.CredentialId == credentialId);
            if (grant?.IsLeased(now) == true) return (null, null);
            if (grant?.NotBefore > now) return (Renewal.NotNow, null);

            Work? work = null;
            try
            {
                if (grant is null || !value.Fields.ContainsKey(RefreshField) || apps.Open(grant) is not { } app)
                    return await GiveUpAsync(db, write, credential, active, grant, TokenFault.NeedsConsent, "There is no refresh token, or no client to use it with.", refused, now);
                if (app.Number != await OAuthApps.NewestAsync(db, grant, CancellationToken.None)) throw new IntegrityException();
                var provider = providers.Of(app);
                if (!grant.MaySend(version, provider.IsRefreshSingleUse))
                    return await GiveUpAsync(db, write, credential, active, grant, TokenFault.Unknown, TokenFault.Unknown.Sentence(), refused, now);
                work = new Work(credentialId, credential.WorkspaceId, version, Guid.CreateVersion7(now), provider, app, apps.OpenSecret(grant),
                    vault.Open(new SecretAddress(credential.WorkspaceId, credentialId, version), value, RefreshField));
                grant.Lease(work.Owner, version, now + Lease);
                await write.CommitAsync(CancellationToken.None);
                return (null, work);
            }
            catch (IntegrityException)
            {
                work?.Dispose();
                await write.DisposeAsync();
                await alarm.RaiseAsync(credential.WorkspaceId, credentialId, credential.Name, "Its OAuth client or its tokens were changed outside the app, so the token is not refreshed.", CancellationToken.None);
                return (Renewal.NotNow, null);
            }
            catch
            {
                work?.Dispose();
                throw;
            }
        }
    }

    private async Task<Renewal> RefreshAsync(Work work, bool refused)
    {
        using var answer = await connector.RefreshAsync(work.Provider, work.App, work.Secret, work.RefreshToken, work.WorkspaceId, CancellationToken.None);
        // The token exists nowhere else: a database that is busy for a moment must not lose it.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return await StoreAsync(work, answer, refused);
            }
            catch (Exception e) when (attempt < 6 && e is DbException or TimeoutException or DbUpdateException)
            {
                LogFailed(work.CredentialId, e.GetType().Name);
                await Task.Delay(TimeSpan.FromSeconds(attempt));
            }
        }
    }

    private async Task<Renewal> StoreAsync(Work work, TokenAnswer answer, bool refused)
    {
        await using (var db = await dbs.CreateDbContextAsync())
        {
            await using var write = await db.BeginWriteAsync(CancellationToken.None);
            var now = clock.GetUtcNow();
            var grant = await db.TokenGrants.SingleAsync(g => g.CredentialId == work.CredentialId);
            var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Id == work.CredentialId);
            // Archived, connected anew or rotated by hand meanwhile: what came belongs to a grant that is over.
            if (credential.ArchivedAt is not null || credential.ActiveVersion != work.Version)
            {
                if (grant.LeaseOwner == work.Owner) grant.Release();
                await write.CommitAsync(CancellationToken.None);
                return credential.ArchivedAt is null ? Renewal.Renewed : Renewal.ConsentNeeded;
            }
            if (answer.Fault is { } fault) return await FailAsync(db, write, credential, grant, fault, answer.Code, work.Provider.IsRefreshSingleUse, refused, now);

            var version = Take(credential, grant, answer, work.RefreshToken, Keeper.Name, now);
            db.CredentialVersions.Add(version);
            AuditTrail.Append(db, now, Keeper, AuditAction.OAuthRefreshed, AuditSubject.Credential(credential), $"Version {version.Number} replaces version {work.Version}.");
            await write.CommitAsync(CancellationToken.None);
            var oldest = version.Number - KeptVersions;
            await db.CredentialVersions.Where(v => v.CredentialId == credential.Id && v.IsRolled && v.State == VersionState.Retired && v.Number < oldest).ExecuteDeleteAsync();
        }
        await erasure.NowAsync();
        return Renewal.Renewed;
    }

    private async Task<Renewal> FailAsync(AdminDb db, AdminDb.WriteTransaction write, Credential credential, TokenGrant grant, TokenFault fault, string? code, bool singleUse, bool refused, DateTimeOffset now)
    {
        LogFault(credential.Id, fault.ToString(), code ?? "none");
        if (fault is TokenFault.NeedsConsent or TokenFault.Misconfigured || (fault == TokenFault.Unknown && singleUse))
        {
            grant.Failed(fault, code, isCertain: fault != TokenFault.Unknown, now);
            return (await GiveUpAsync(db, write, credential, credential.Active!, grant, fault, fault.Sentence(), refused, now)).Done!.Value;
        }
        grant.Failed(fault == TokenFault.Unknown ? TokenFault.Transient : fault, code, isCertain: true, now);
        await write.CommitAsync(CancellationToken.None);
        return Renewal.NotNow;
    }

    // Told once per version; what is still good of the token may be used to its end.
    private static async Task<(Renewal? Done, Work? Work)> GiveUpAsync(AdminDb db, AdminDb.WriteTransaction write, Credential credential, CredentialVersion active, TokenGrant? grant, TokenFault fault, string why, bool refused, DateTimeOffset now)
    {
        grant?.Release();
        credential.NeedSignIn(why, now);
        if (refused) active.ExpiresAt = now;
        var slug = await db.Workspaces.Where(w => w.Id == credential.WorkspaceId).Select(w => w.Slug).SingleAsync();
        await NotificationOutbox.RaiseAsync(db, new Notification
        {
            Id = Guid.CreateVersion7(now),
            WorkspaceId = credential.WorkspaceId,
            CredentialId = credential.Id,
            Kind = NotificationKind.SignInNeeded,
            Key = $"sign-in:{credential.Id:N}:{active.Number}",
            Title = fault == TokenFault.Misconfigured ? $"{credential.Name}: the OAuth client has to be corrected" : $"{credential.Name} needs somebody to sign in",
            Body = why + (active.ExpiresAt > now ? " Calls work until the present token ends." : " Calls are refused until then."),
            Url = $"/w/{slug}/credentials/{credential.Name}/connect",
            CreatedAt = now,
            Facts = new Dictionary<string, string> { [NotificationTexts.Name] = credential.Name },
        }, CancellationToken.None);
        AuditTrail.Append(db, now, Keeper, AuditAction.SignInNeeded, AuditSubject.Credential(credential), why, AuditOutcome.Failed);
        await write.CommitAsync(CancellationToken.None);
        return (Renewal.ConsentNeeded, null);
    }

    [LoggerMessage(LogLevel.Warning, "A token could not be renewed ({Error}), credential {CredentialId}")]
    private partial void LogFailed(Guid credentialId, string error);

    [LoggerMessage(LogLevel.Warning, "A provider gave no token: {Fault}, {Code}, credential {CredentialId}")]
    private partial void LogFault(Guid credentialId, string fault, string code);

    /// <summary>One refresh that this process has the lease for. Disposing zeroes what it is done with.</summary>
    private sealed record Work(Guid CredentialId, Guid WorkspaceId, int Version, Guid Owner, OAuthProvider Provider, OAuthApp App, Plaintext? Secret, Plaintext RefreshToken) : IDisposable
    {
        public void Dispose()
        {
            Secret?.Dispose();
            RefreshToken.Dispose();
        }
    }
}
