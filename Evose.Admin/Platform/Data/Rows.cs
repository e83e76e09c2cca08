using Evose.Admin.Domain.Workspaces;

namespace Evose.Admin.Platform.Data;

/// <summary>The one row that says which installation this is and how often what the data plane obeys has changed.</summary>
public sealed class Installation
{
    public Guid Id { get; init; }

    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>See <see cref="Domain.ICataloged"/>.</summary>
    public long Stamp { get; init; }
}

/// <summary>The newest link of a chain, with a MAC whose key is not in the database.</summary>
public sealed class ChainHead
{
    /// <summary><c>audit</c> or <c>calls</c>.</summary>
    public string Lane { get; init; } = "";

    public long Seq { get; set; }

    public byte[] Link { get; set; } = [];

    public byte[] Mac { get; set; } = [];
}

/// <summary>A part of the record of calls on SQLite: number 0 is in the database itself, each later one a file of its own. Only the newest is written to.</summary>
public sealed class CallSegment
{
    public int Number { get; init; }

    /// <summary>No call in it has a smaller number.</summary>
    public long FirstSeq { get; init; }

    /// <summary>No call in it has a larger number; the largest there is while the segment is open.</summary>
    public long LastSeq { get; set; } = long.MaxValue;

    /// <summary>The chain's rows after this place lie in it.</summary>
    public long AfterPosition { get; init; }

    /// <summary>The chain's last row in it; null while it is open. Copies of later completions of its calls have later places.</summary>
    public long? LastPosition { get; set; }

    /// <summary>Link of that row, and the MAC that the chain's head had then.</summary>
    public byte[] Link { get; set; } = [];

    public byte[] Mac { get; set; } = [];
}

/// <summary>Says that a chain's rows up to a place were dropped because their time was over, with the link that the next row goes on from. Its MAC is what tells this from a deletion.</summary>
public sealed class RetiredCalls
{
    public string Lane { get; init; } = "";

    /// <summary>The last place that was dropped.</summary>
    public long Position { get; init; }

    /// <summary>The first place that this retirement dropped.</summary>
    public long FirstPosition { get; init; }

    public byte[] Link { get; init; } = [];

    public DateTimeOffset At { get; init; }

    /// <summary>No call after this moment was dropped.</summary>
    public DateTimeOffset Before { get; init; }

    public byte[] Mac { get; set; } = [];

    /// <summary>What the MAC covers.</summary>
    public byte[] Covered()
    {
        var p = new Domain.Audit.ChainPayload(new System.Buffers.ArrayBufferWriter<byte>(128));
        p.Text("evose/retired-calls/1");
        p.Text(Lane);
        p.Number(Position);
        p.Number(FirstPosition);
        p.Bytes(Link);
        p.Number(At.UtcTicks);
        p.Number(Before.UtcTicks);
        return p.Written.ToArray();
    }
}

/// <summary>A value that came in through the intake and waits, sealed, for the form it belongs to.</summary>
public sealed class StagedValue
{
    public Guid Id { get; init; }

    public Guid UserId { get; init; }

    public byte[] Sealed { get; init; } = [];

    public DateTimeOffset ExpiresAt { get; init; }
}

/// <summary>The answer to a write that carried an Idempotency-Key, kept for 24 hours; the body is sealed because it may hold an API key.</summary>
public sealed class IdempotencyRecord
{
    /// <summary>SHA-256, hex, over caller, method, path and key.</summary>
    public string Key { get; init; } = "";

    /// <summary>Keyed hash, hex, over the request's body.</summary>
    public string RequestHash { get; init; } = "";

    /// <summary>Null while the first request is under way.</summary>
    public int? Status { get; set; }

    public byte[]? SealedBody { get; set; }

    public DateTimeOffset CreatedAt { get; init; }
}

/// <summary>One run of a job; the history that outlives Hangfire's memory.</summary>
public sealed class JobRun
{
    public Guid Id { get; init; }

    public string Name { get; init; } = "";

    public DateTimeOffset StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; set; }

    /// <summary>How many things the run changed.</summary>
    public int Items { get; set; }

    /// <summary>Exception type of a failed run; never its text.</summary>
    public string? Error { get; set; }
}

/// <summary>When a workspace was last looked at for bad habits, and how far in the audit trail that look reached. The row of nobody's workspace says the same of all of them.</summary>
public sealed class HygieneLook
{
    public Guid WorkspaceId { get; init; }

    public DateTimeOffset At { get; set; }

    /// <summary>Every change up to this event was seen.</summary>
    public long AuditSeq { get; set; }

    /// <summary>Credentials and tools that were judged.</summary>
    public int Subjects { get; set; }
}

/// <summary>A person asked in, who has not yet chosen a password. Only a hash of the link's token is kept.</summary>
public sealed class Invitation
{
    public Guid Id { get; init; }

    public string Email { get; init; } = "";

    public OrganizationRole OrganizationRole { get; init; }

    public Guid? WorkspaceId { get; init; }

    public WorkspaceRole? Role { get; init; }

    public byte[] TokenHash { get; init; } = [];

    public string InvitedBy { get; init; } = "";

    public DateTimeOffset ExpiresAt { get; init; }

    public DateTimeOffset? AcceptedAt { get; set; }
}
