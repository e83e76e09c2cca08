namespace Evose.Admin.Domain.Hygiene;

/// <summary>What becomes of a finding.</summary>
public enum HygieneState
{
    /// <summary>Somebody should look at it.</summary>
    Open,

    /// <summary>Somebody decided to live with it for a time.</summary>
    Accepted,

    /// <summary>It was not found any more.</summary>
    Resolved,
}

/// <summary>What a rule found of a subject, over time: at most one per rule and subject. Rules say what is found; people may only accept it for a time.</summary>
public sealed class HygieneFinding
{
    private HygieneFinding() { }

    /// <param name="id">A new one.</param>
    public HygieneFinding(Guid id, Guid workspaceId, Observation o, DateTimeOffset now)
    {
        (Id, WorkspaceId, Rule, Key, SubjectKind, SubjectId) = (id, workspaceId, o.Rule.Id, o.Key, o.Subject.Kind, o.Subject.Id);
        (FirstSeenAt, LastSeenAt) = (now, now);
        Take(o);
    }

    public Guid Id { get; private set; }

    public Guid WorkspaceId { get; private set; }

    /// <summary>Id of the rule.</summary>
    public string Rule { get; private set; } = "";

    /// <summary>Unique: rule and subject.</summary>
    public string Key { get; private set; } = "";

    public HygieneSubjectKind SubjectKind { get; private set; }

    public Guid SubjectId { get; private set; }

    public string Subject { get; private set; } = "";

    public HygieneSeverity Severity { get; private set; }

    public string Text { get; private set; } = "";

    /// <summary>Over what the finding rests on; another hash is another matter.</summary>
    public string FactsHash { get; private set; } = "";

    public HygieneFixPlace Place { get; private set; }

    public HygieneFix Fix { get; private set; }

    /// <summary>The consumers that the fix would take out of a scope.</summary>
    public IReadOnlyList<Guid> Members { get; private set; } = [];

    /// <summary>Since when it is found without a break.</summary>
    public DateTimeOffset FirstSeenAt { get; private set; }

    /// <summary>When it was last found to have changed, or gone; while it is unresolved, every look at its workspace has seen it.</summary>
    public DateTimeOffset LastSeenAt { get; private set; }

    public DateTimeOffset? ResolvedAt { get; private set; }

    public DateTimeOffset? AcceptedAt { get; private set; }

    public string? AcceptedBy { get; private set; }

    public string? AcceptReason { get; private set; }

    public DateTimeOffset? AcceptedUntil { get; private set; }

    /// <summary>When people were told of it; null asks for that.</summary>
    public DateTimeOffset? ToldAt { get; set; }

    /// <summary>Grows by one with every change; a page that shows an older one is stale.</summary>
    public int Revision { get; private set; }

    /// <summary>An acceptance ends by itself, at its date.</summary>
    public HygieneState StateAt(DateTimeOffset now) => ResolvedAt is not null ? HygieneState.Resolved : AcceptedUntil > now ? HygieneState.Accepted : HygieneState.Open;

    /// <summary>Takes over what is found now. True when anything changed.</summary>
    /// <param name="reopened">True when it had been accepted and now rests on other facts.</param>
    public bool See(Observation o, DateTimeOffset now, out bool reopened)
    {
        reopened = false;
        if (ResolvedAt is not null)
        {
            // It is back: a new matter, of which people are told anew.
            (ResolvedAt, FirstSeenAt, ToldAt) = (null, now, null);
            EndAcceptance();
            Take(o);
            Touch(now);
            return true;
        }
        var text = Cut(o.Text);
        if (o.FactsHash == FactsHash && text == Text && o.Subject.Name == Subject && o.Fix == Fix && o.Place == Place && (o.Members ?? []).SequenceEqual(Members)) return false;
        if (o.FactsHash != FactsHash)
        {
            reopened = StateAt(now) == HygieneState.Accepted;
            EndAcceptance();
            // Graver than it was: told again.
            if (o.Severity > Severity) ToldAt = null;
        }
        Take(o);
        Touch(now);
        return true;
    }

    /// <summary>It is not found any more.</summary>
    public void Resolve(DateTimeOffset now)
    {
        ResolvedAt = now;
        EndAcceptance();
        Touch(now);
    }

    /// <summary>Somebody decides to live with it; <see cref="AcceptancePolicy"/> says for how long that may be.</summary>
    public void Accept(string by, string reason, DateTimeOffset until, DateTimeOffset now)
    {
        (AcceptedAt, AcceptedBy, AcceptReason, AcceptedUntil, ToldAt) = (now, by, reason, until, null);
        Revision++;
    }

    /// <summary>It is open again.</summary>
    public void Reopen()
    {
        EndAcceptance();
        Revision++;
    }

    private void EndAcceptance() => (AcceptedAt, AcceptedBy, AcceptReason, AcceptedUntil) = (null, null, null, null);

    private void Take(Observation o) =>
        (Subject, Severity, Text, FactsHash, Place, Fix, Members) = (o.Subject.Name, o.Severity, Cut(o.Text), o.FactsHash, o.Place, o.Fix, o.Members ?? []);

    private static string Cut(string text) => text.Length > MaxText ? text[..MaxText] : text;

    private void Touch(DateTimeOffset now)
    {
        LastSeenAt = now;
        Revision++;
    }

    public const int MaxText = 1000;
}

/// <summary>Pure: how long somebody may live with a finding, and with what words.</summary>
public static class AcceptancePolicy
{
    public const int MaxReason = 500;

    /// <summary>A year from now, to the end of that day.</summary>
    public static DateTimeOffset Latest(DateTimeOffset now) => new DateTimeOffset(now.UtcDateTime.Date, TimeSpan.Zero).AddYears(1).AddDays(1);

    /// <summary>Why the date cannot be had, or null.</summary>
    public static string? RefuseUntil(DateTimeOffset until, DateTimeOffset now) =>
        until <= now ? "The end date must be in the future." : until > Latest(now) ? "At most a year: then somebody should look again." : null;
}
