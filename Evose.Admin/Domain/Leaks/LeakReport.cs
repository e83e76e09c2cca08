using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Leaks;

/// <summary>By what a leak was noticed. Numbers are stored: append, never reorder.</summary>
public enum LeakSource
{
    /// <summary>A person or a program said so.</summary>
    Manual = 1,

    /// <summary>GitHub's secret scanning found it in a repository.</summary>
    GitHub = 2,

    /// <summary>It stood in a text that somebody had checked.</summary>
    Check = 3,

    /// <summary>It stood in a file or a log that was scanned.</summary>
    Scan = 4,

    /// <summary>Somebody tried to save it in a tool, a description or an address.</summary>
    Config = 5,

    /// <summary>An upstream gave it back in an answer.</summary>
    Echo = 6,
}

/// <summary>Where a report stands.</summary>
public enum LeakState
{
    /// <summary>The value is still in use here.</summary>
    Open = 1,

    /// <summary>The value is out of use here; somebody has yet to look at what it opened and close.</summary>
    Contained = 2,

    /// <summary>Somebody said that it is over, and how.</summary>
    Closed = 3,
}

/// <summary>How a report ended.</summary>
public enum LeakResolution
{
    /// <summary>The value was replaced, and revoked where it was issued.</summary>
    Revoked = 1,

    /// <summary>It was not the value.</summary>
    FalsePositive = 2,

    /// <summary>It is a value for tests that opens nothing.</summary>
    UsedInTests = 3,

    /// <summary>Somebody answers for leaving it.</summary>
    Accepted = 4,
}

/// <summary>What somebody did about a report.</summary>
public enum LeakAct
{
    /// <summary>Said that it leaked.</summary>
    Reported = 1,

    /// <summary>Stopped every use of the credential.</summary>
    Frozen = 2,

    /// <summary>Decided that it stays in use until it is replaced.</summary>
    KeptRunning = 3,

    /// <summary>Took the stop off again.</summary>
    Unfrozen = 4,

    /// <summary>Told others, or was told by the app.</summary>
    Notified = 5,

    /// <summary>Put another value into use.</summary>
    Replaced = 6,

    /// <summary>The leaked version was destroyed.</summary>
    Destroyed = 7,

    /// <summary>Took the evidence file.</summary>
    EvidenceTaken = 8,

    /// <summary>Said that it is over.</summary>
    Closed = 9,

    /// <summary>Said whose value it is.</summary>
    Assigned = 10,
}

/// <summary>One thing that was done about a report: who and when.</summary>
public sealed class LeakStep
{
    private LeakStep() { }

    public LeakStep(Guid id, Guid reportId, LeakAct act, string by, DateTimeOffset at, string? note) => (Id, ReportId, Act, By, At, Note) = (id, reportId, act, by, at, note);

    public Guid Id { get; private set; }

    public Guid ReportId { get; private set; }

    public LeakAct Act { get; private set; }

    public string By { get; private set; } = "";

    public DateTimeOffset At { get; private set; }

    public string? Note { get; private set; }
}

/// <summary>A value that may be known to somebody who should not know it. Says which and where it was seen, never what it is.</summary>
public sealed class LeakReport
{
    private LeakReport() { }

    public LeakReport(Guid id, Guid workspaceId, LeakSource source, string reportedBy, DateTimeOffset now) =>
        (Id, WorkspaceId, Source, ReportedBy, ReportedAt, LastSeenAt, SuspectedSince) = (id, workspaceId, source, reportedBy, now, now, now);

    public Guid Id { get; private set; }

    /// <summary>The credential's; the organization when nobody knows yet whose value it is.</summary>
    public Guid WorkspaceId { get; private set; }

    /// <summary>Null: an outside service reported something of which it did not say the value.</summary>
    public Guid? CredentialId { get; private set; }

    /// <summary>Name of the credential at that time.</summary>
    public string? Credential { get; private set; }

    /// <summary>The version whose value it is.</summary>
    public int? Version { get; private set; }

    public LeakSource Source { get; private set; }

    /// <summary>Where it was seen: an address, a file with its line, a tool.</summary>
    public string? Place { get; init; }

    public string? Note { get; init; }

    public string ReportedBy { get; private set; } = "";

    public DateTimeOffset ReportedAt { get; private set; }

    /// <summary>From when on somebody else may have had it: what it opened is counted from here.</summary>
    public DateTimeOffset SuspectedSince { get; set; }

    /// <summary>Seen again at the same place; the first time included.</summary>
    public int Seen { get; private set; } = 1;

    public DateTimeOffset LastSeenAt { get; private set; }

    public LeakState State { get; private set; } = LeakState.Open;

    public DateTimeOffset? ClosedAt { get; private set; }

    public LeakResolution? Resolution { get; private set; }

    public List<LeakStep> Steps { get; } = [];

    /// <summary>Says whose value it is; from then on the report is where the credential is.</summary>
    public LeakReport Concerns(Credential credential, int? version)
    {
        (WorkspaceId, CredentialId, Credential, Version) = (credential.WorkspaceId, credential.Id, credential.Name, version);
        return this;
    }

    public void SeeAgain(DateTimeOffset now) => (Seen, LastSeenAt) = (Seen + 1, now);

    /// <summary>Remembers what was done. Destroying the leaked version contains the report; closing ends it.</summary>
    public LeakStep Remember(Guid id, LeakAct act, string by, DateTimeOffset now, string? note = null)
    {
        var step = new LeakStep(id, Id, act, by, now, note);
        Steps.Add(step);
        if (act == LeakAct.Destroyed && State == LeakState.Open) State = LeakState.Contained;
        return step;
    }

    public LeakStep Close(Guid id, LeakResolution resolution, string by, DateTimeOffset now, string? note)
    {
        (State, ClosedAt, Resolution) = (LeakState.Closed, now, resolution);
        return Remember(id, LeakAct.Closed, by, now, note);
    }
}

/// <summary>The words of leaks on the wire and for people.</summary>
public static class LeakWords
{
    public static string Wire(this LeakSource source) => source switch
    {
        LeakSource.Manual => "manual",
        LeakSource.GitHub => "github",
        LeakSource.Check => "check",
        LeakSource.Scan => "scan",
        LeakSource.Config => "config",
        LeakSource.Echo => "echo",
    };

    public static string Wire(this LeakState state) => state switch
    {
        LeakState.Open => "open",
        LeakState.Contained => "contained",
        LeakState.Closed => "closed",
    };

    public static string Wire(this LeakResolution resolution) => resolution switch
    {
        LeakResolution.Revoked => "revoked",
        LeakResolution.FalsePositive => "false_positive",
        LeakResolution.UsedInTests => "used_in_tests",
        LeakResolution.Accepted => "accepted",
    };

    public static string Wire(this LeakAct act) => act switch
    {
        LeakAct.Reported => "reported",
        LeakAct.Frozen => "frozen",
        LeakAct.KeptRunning => "kept_running",
        LeakAct.Unfrozen => "unfrozen",
        LeakAct.Notified => "notified",
        LeakAct.Replaced => "replaced",
        LeakAct.Destroyed => "destroyed",
        LeakAct.EvidenceTaken => "evidence_taken",
        LeakAct.Closed => "closed",
        LeakAct.Assigned => "assigned",
    };

    /// <summary>How it was noticed, for a person.</summary>
    public static string Sentence(this LeakSource source) => source switch
    {
        LeakSource.Manual => "Reported by hand",
        LeakSource.GitHub => "Found by GitHub's secret scanning",
        LeakSource.Check => "Found in a text that was checked",
        LeakSource.Scan => "Found in a file or log that was scanned",
        LeakSource.Config => "Somebody tried to save it as plain text",
        LeakSource.Echo => "An upstream gave it back in an answer",
    };

    public static string Sentence(this LeakAct act) => act switch
    {
        LeakAct.Reported => "Reported",
        LeakAct.Frozen => "Froze the credential",
        LeakAct.KeptRunning => "Kept it running",
        LeakAct.Unfrozen => "Put it back into use",
        LeakAct.Notified => "Told people",
        LeakAct.Replaced => "Put another value into use",
        LeakAct.Destroyed => "Destroyed the leaked version",
        LeakAct.EvidenceTaken => "Took the evidence file",
        LeakAct.Closed => "Closed the report",
        LeakAct.Assigned => "Said whose value it is",
    };

    public static string Sentence(this LeakResolution resolution) => resolution switch
    {
        LeakResolution.Revoked => "Replaced here and revoked where it was issued",
        LeakResolution.FalsePositive => "It was not the value",
        LeakResolution.UsedInTests => "A value for tests that opens nothing",
        LeakResolution.Accepted => "Left as it is; somebody answers for it",
    };

    public static LeakSource? ParseSource(string? word) => word switch
    {
        "manual" => LeakSource.Manual,
        "github" => LeakSource.GitHub,
        "check" => LeakSource.Check,
        "scan" => LeakSource.Scan,
        "config" => LeakSource.Config,
        "echo" => LeakSource.Echo,
        _ => null,
    };

    public static LeakResolution? ParseResolution(string? word) => word switch
    {
        "revoked" => LeakResolution.Revoked,
        "false_positive" => LeakResolution.FalsePositive,
        "used_in_tests" => LeakResolution.UsedInTests,
        "accepted" => LeakResolution.Accepted,
        _ => null,
    };
}

/// <summary>Pure: what the playbook asks for next.</summary>
public static class LeakPlaybook
{
    /// <summary>A step of the playbook, in the order in which it leads.</summary>
    /// <param name="Done">True when it is done, whoever did it.</param>
    /// <param name="Skippable">False: the report cannot be closed as <see cref="LeakResolution.Revoked"/> before.</param>
    public readonly record struct Step(LeakTask Task, bool Done, bool Skippable);

    public static IReadOnlyList<Step> Of(LeakReport report, CredentialVersion? leaked, bool frozen)
    {
        bool Did(params LeakAct[] acts) => report.Steps.Exists(s => acts.Contains(s.Act));
        var gone = report.State != LeakState.Open || leaked?.State is VersionState.Retired or VersionState.Discarded;
        return
        [
            new(LeakTask.Decide, frozen || gone || Did(LeakAct.Frozen, LeakAct.KeptRunning), true),
            new(LeakTask.Notify, Did(LeakAct.Notified), true),
            new(LeakTask.Replace, gone, false),
            new(LeakTask.Evidence, Did(LeakAct.EvidenceTaken), true),
            new(LeakTask.Close, report.State == LeakState.Closed, true),
        ];
    }
}

/// <summary>The steps of the playbook.</summary>
public enum LeakTask
{
    /// <summary>Freeze now, or keep it running.</summary>
    Decide = 1,

    /// <summary>Tell those who must know.</summary>
    Notify,

    /// <summary>Another value, without grace.</summary>
    Replace,

    /// <summary>Keep what happened.</summary>
    Evidence,

    /// <summary>Say how it ended.</summary>
    Close,
}
