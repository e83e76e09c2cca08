using System.Data.Common;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Credentials.Cookies;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Vault;
using Evose.Admin.UI;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Sessions;

/// <summary>
/// Keeps what a site's answer said about a session: its new cookies become a new version at once, merged into the newest one, and a session that is over is marked and told of once.
/// Both are decided inside the one write transaction, so that of several calls none undoes another's.
/// </summary>
public sealed partial class RollSession(IDbContextFactory<AdminDb> dbs, SecretVault vault, Erasure erasure, TimeProvider clock, ILogger<RollSession> log)
{
    /// <summary>How many of the versions that a site itself replaced stay in the history.</summary>
    public const int Kept = 20;

    private const int MostNamed = 12;

    private static readonly Actor Site = Actor.Job("the site");

    /// <summary>The session that a call was sent with.</summary>
    /// <param name="Origin">The version that a person entered and that it stems from: after another one was entered, an old answer says nothing any more.</param>
    public sealed record Seen(Guid CredentialId, string Name, int Version, int Origin, string Host);

    /// <summary>Never throws for what the database does: the site has answered, and the caller gets that answer.</summary>
    /// <param name="news">What differs from the cookies that the call was sent with.</param>
    /// <param name="loggedOut">By what the answer says that nobody is signed in; null when it does not.</param>
    public async Task ExecuteAsync(Seen seen, IReadOnlyList<SetCookie> news, string? loggedOut)
    {
        try
        {
            if (await KeepAsync(seen, news, loggedOut)) erasure.Soon();
        }
        catch (Exception e) when (e is DbException or DbUpdateException or TimeoutException or VaultSealedException or IntegrityException)
        {
            LogLost(seen.Name, seen.Version, e.GetType().Name);
        }
    }

    // True when a value was replaced.
    private async Task<bool> KeepAsync(Seen seen, IReadOnlyList<SetCookie> news, string? loggedOut)
    {
        await using var db = await dbs.CreateDbContextAsync(CancellationToken.None);
        await using var write = await db.BeginWriteAsync(CancellationToken.None);
        var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleOrDefaultAsync(c => c.Id == seen.CredentialId && c.ArchivedAt == null);
        if (credential?.Pending is { Value: not null } pending && pending.Number == seen.Version)
        {
            if (!RollPending(db, credential, pending, seen, news, clock.GetUtcNow())) return false;
            await write.CommitAsync(CancellationToken.None);
            return true;
        }
        if (credential?.Active is not { Value: not null } active || active.Origin != seen.Origin) return false;
        var now = clock.GetUtcNow();
        // An answer to an older value says nothing about the one in use.
        var marked = loggedOut is not null && credential.NeedsSignInAt is null && active.Number == seen.Version;
        if (marked) await MarkAsync(db, credential, seen, loggedOut!, now);
        var rolled = news.Count > 0 && Roll(db, credential, active, seen, news, now);
        if (marked || rolled) await write.CommitAsync(CancellationToken.None);
        return rolled;
    }

    // It stays pending: a person decides whether it goes live, and it must be alive then.
    private bool RollPending(AdminDb db, Credential credential, CredentialVersion pending, Seen seen, IReadOnlyList<SetCookie> news, DateTimeOffset now)
    {
        if (Merged(credential, pending, news, now) is not { } jar) return false;
        using (jar)
        {
            pending.Reseal(Seal(credential, pending.Number, jar), vault.Fingerprint(jar), CookieJar.EarliestExpiry(jar.Bytes));
            pending.PlainFields = ValueShape.PlainOf(CookieJar.Facts(jar.Bytes));
        }
        AuditTrail.Append(db, now, Site, AuditAction.SessionRolled, AuditSubject.Credential(credential), $"Version {pending.Number}, which waits: {seen.Host} set {Names(news)} when it was checked.");
        return true;
    }

    private bool Roll(AdminDb db, Credential credential, CredentialVersion active, Seen seen, IReadOnlyList<SetCookie> news, DateTimeOffset now)
    {
        using var jar = Merged(credential, active, news, now);
        if (jar is null) return false;
        var version = credential.Roll(Guid.CreateVersion7(now), Seal(credential, credential.NextVersionNumber, jar), vault.Fingerprint(jar), Site.Name, CookieJar.EarliestExpiry(jar.Bytes), now);
        version.PlainFields = ValueShape.PlainOf(CookieJar.Facts(jar.Bytes));
        active.PlainFields = new Dictionary<string, string>();
        db.CredentialVersions.Add(version);
        db.CredentialVersions.RemoveRange(credential.ForgetRolled(Kept));
        AuditTrail.Append(db, now, Site, AuditAction.SessionRolled, AuditSubject.Credential(credential), $"Version {version.Number} is in use instead of version {active.Number}: {seen.Host} set {Names(news)}.");
        return true;
    }

    // Null when the newest jar says all of it already.
    private Plaintext? Merged(Credential credential, CredentialVersion version, IReadOnlyList<SetCookie> news, DateTimeOffset now)
    {
        using var old = vault.Open(new SecretAddress(credential.WorkspaceId, credential.Id, version.Number), version.Value!, Credential.MainField);
        using var room = Plaintext.Allocate(CookieJar.MaxBytes);
        var length = CookieNews.Apply(old.Bytes, news, now, room.Writable);
        return room.Bytes[..length].SequenceEqual(old.Bytes) ? null : Plaintext.CopyOf(room.Bytes[..length]);
    }

    private SealedValue Seal(Credential credential, int version, Plaintext jar) =>
        vault.Seal(new SecretAddress(credential.WorkspaceId, credential.Id, version), new Dictionary<string, Plaintext> { [Credential.MainField] = jar });

    private static async Task MarkAsync(AdminDb db, Credential credential, Seen seen, string why, DateTimeOffset now)
    {
        credential.NeedSignIn(why, now);
        var refuses = credential.Session is { Refuse: true };
        AuditTrail.Append(db, now, Site, AuditAction.SignInNeeded, AuditSubject.Credential(credential), $"Version {seen.Version}: {why} ({seen.Host}).", AuditOutcome.Failed);
        var slug = await db.Workspaces.Where(w => w.Id == credential.WorkspaceId).Select(w => w.Slug).SingleAsync();
        await NotificationOutbox.RaiseAsync(db, new Notification
        {
            Id = Guid.CreateVersion7(now),
            WorkspaceId = credential.WorkspaceId,
            Kind = NotificationKind.SignInNeeded,
            Key = $"sign-in:{credential.Id:N}:{now.UtcTicks}",
            CredentialId = credential.Id,
            Title = $"{credential.Name} needs a sign-in",
            Body = $"The session seems to be over: {why} ({seen.Host}). {(refuses ? "Calls are refused until then" : "Calls go on, and the site answers them as it will")}. Sign in at the site, copy the cookies and enter them as a new value.",
            Url = Urls.Rotate(slug, credential.Name),
            CreatedAt = now,
            Facts = new Dictionary<string, string> { [NotificationTexts.Name] = credential.Name },
        }, CancellationToken.None);
    }

    // Names only, and not all of a site that sets hundreds.
    private static string Names(IReadOnlyList<SetCookie> news)
    {
        var names = news.Select(c => c.Name.Length > 64 ? c.Name[..64].ToString() + "…" : c.Name.ToString()).Distinct().ToList();
        return string.Join(", ", names.Take(MostNamed)) + (names.Count > MostNamed ? $" and {names.Count - MostNamed} more" : "");
    }

    [LoggerMessage(LogLevel.Error, "What a site said about the session {Credential} could not be kept; it was sent with version {Version}: {Error}")]
    private partial void LogLost(string credential, int version, string error);
}
