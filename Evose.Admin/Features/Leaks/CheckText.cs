using System.Globalization;
using System.Text;
using System.Threading.RateLimiting;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Leaks;

/// <summary>
/// Does a text hold one of our values? What is found opens a report, whoever asked; the asker learns of credentials they may see, and of others nothing: answer and time are the same as when there is nothing.
/// Not to be used for trying: short values are not looked for, checks are counted per asker, and every one is audited. The text is neither kept nor logged.
/// </summary>
public sealed class CheckText(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, LeakMatcher matcher, LeakDesk desk, IOptions<LeaksOptions> options, TimeProvider clock) : IDisposable
{
    /// <summary>More different pieces than this are a list of guesses, or a file for the command line.</summary>
    public const int MaxCandidates = 50_000;

    /// <summary>Answers leave at whole multiples of this after the question came.</summary>
    public static readonly TimeSpan Beat = TimeSpan.FromMilliseconds(400);

    private readonly PartitionedRateLimiter<Guid> _limit = PartitionedRateLimiter.Create<Guid, Guid>(asker => RateLimitPartition.GetTokenBucketLimiter(asker, _ => new TokenBucketRateLimiterOptions
    {
        TokenLimit = options.Value.ChecksPerMinute, TokensPerPeriod = options.Value.ChecksPerMinute, ReplenishmentPeriod = TimeSpan.FromMinutes(1), QueueLimit = 0,
    }));

    /// <param name="Checked">How many different pieces were compared.</param>
    /// <param name="Found">Of credentials that the asker may see.</param>
    /// <param name="LooksLike">What else in the text looks like a secret, by its form.</param>
    public sealed record Answer(int Checked, IReadOnlyList<Hit> Found, IReadOnlyList<string> LooksLike);

    public sealed record Hit(string Workspace, string Credential, int Version, string State, Guid Report);

    public Task<Outcome<Answer>> ExecuteAsync(Actor actor, ReadOnlySpan<byte> text, CancellationToken ct)
    {
        var began = clock.GetTimestamp();
        var empty = text.IsEmpty || text.IndexOfAnyExcept(" \t\r\n"u8) < 0;
        // What is not looked at twice: the limit comes before the work.
        if (!empty && !_limit.AttemptAcquire(actor.Id).IsAcquired) return RefuseAsync(actor, began, Problem.RateLimited("Too many texts were checked. Wait a minute, then go on.", retryAfter: 60), ct);
        if (empty) return Task.FromResult<Outcome<Answer>>(Problem.Invalid("text", "Give the text to check in 'text'."));
        var fingerprints = matcher.FingerprintsOf(text, LeakMatcher.GuessProof, MaxCandidates);
        var shapes = fingerprints is null ? [] : ShapesIn(text);
        return AnswerAsync(actor, began, fingerprints, shapes, ct);
    }

    private async Task<Outcome<Answer>> RefuseAsync(Actor actor, long began, Problem problem, CancellationToken ct)
    {
        await AuditAsync(actor, problem.Message, AuditOutcome.Refused, ct);
        await UntilTheBeatAsync(began, ct);
        return problem;
    }

    private async Task AuditAsync(Actor actor, string detail, AuditOutcome outcome, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.LeakChecked, new AuditSubject(null, "text"), detail, outcome);
        await db.SaveChangesAsync(ct);
    }

    private async Task<Outcome<Answer>> AnswerAsync(Actor actor, long began, Dictionary<string, int>? fingerprints, IReadOnlyList<string> shapes, CancellationToken ct)
    {
        // Whoever sees no workspace at all has nothing to ask about; null is every one.
        var visible = await authorizer.WorkspacesAsync(actor, Permission.View, ct);
        if (visible is { Count: 0 }) return await RefuseAsync(actor, began, Problem.Forbidden("role", "Your role does not allow this. Ask a workspace admin."), ct);
        if (fingerprints is null) return await RefuseAsync(actor, began, Problem.Invalid("text", $"The text has more than {MaxCandidates} different pieces. Check less at a time, or use the command line: scan PATH."), ct);

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var matches = await LeakMatcher.FindAsync(db, fingerprints, ct);
        var hits = new List<Hit>();
        foreach (var match in matches)
        {
            var report = await desk.OpenAsync(db, actor, match.CredentialId, match.Version, new Sighting(LeakSource.Check), ct);
            if (await PlaceAsync(db, match, visible, ct) is { } slug) hits.Add(new Hit(slug, match.Name, match.Version, StateOf(match), report!.Id));
        }
        // The same event for a hit and a miss; what was found stands in the reports' own.
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.LeakChecked, new AuditSubject(null, "text"), string.Create(CultureInfo.InvariantCulture, $"{fingerprints.Count} pieces compared."));
        await write.CommitAsync(ct);
        await UntilTheBeatAsync(began, ct);
        return new Answer(fingerprints.Count, hits, shapes);
    }

    // The slug under which the asker may see the credential; null when they may not.
    private static async Task<string?> PlaceAsync(AdminDb db, LeakMatch match, IReadOnlyList<Guid>? visible, CancellationToken ct)
    {
        var place = visible is null || visible.Contains(match.WorkspaceId) ? match.WorkspaceId
            : await db.CredentialGrants.Where(g => g.CredentialId == match.CredentialId && visible.Contains(g.WorkspaceId)).Select(g => (Guid?)g.WorkspaceId).FirstOrDefaultAsync(ct);
        return place is { } id ? await db.Workspaces.Where(w => w.Id == id).Select(w => w.Slug).SingleAsync(ct) : null;
    }

    /// <summary>How long the version is still of use, for a person.</summary>
    internal static string StateOf(LeakMatch match) => match.IsArchived ? "archived" : match.State switch
    {
        VersionState.Pending => "pending",
        VersionState.Active => "active",
        VersionState.Retiring => "retiring",
        VersionState.Retired => "retired",
        VersionState.Discarded => "discarded",
    };

    /// <summary>How long an answer that took <paramref name="elapsed"/> waits for the next beat.</summary>
    public static TimeSpan ToTheBeat(TimeSpan elapsed) => elapsed <= TimeSpan.Zero ? Beat : Beat - TimeSpan.FromTicks(((elapsed.Ticks - 1) % Beat.Ticks) + 1);

    private async Task UntilTheBeatAsync(long began, CancellationToken ct) => await Task.Delay(ToTheBeat(clock.GetElapsedTime(began)), clock, ct);

    private static IReadOnlyList<string> ShapesIn(ReadOnlySpan<byte> text)
    {
        var found = new List<string>();
        foreach (var line in text.Split((byte)'\n'))
        {
            if (found.Count >= 20) break;
            if (text[line].Length < 8) continue;
            if (PlaintextDetector.Find(Encoding.UTF8.GetString(text[line])) is { } shape && !found.Contains(shape.Called)) found.Add(shape.Called);
        }
        return found;
    }

    public void Dispose() => _limit.Dispose();
}
