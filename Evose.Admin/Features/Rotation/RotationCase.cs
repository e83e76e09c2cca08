using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Rotation;

/// <summary>What a page showed when its button was pressed. An older one is a conflict, whatever the button.</summary>
public sealed record RotationSeen(Guid Id, int Revision);

/// <summary>A credential with its versions and its newest rotation: all that a move is decided on. Load it inside the write transaction.</summary>
public sealed record RotationCase(Credential Credential, Domain.Credentials.Rotation? Newest)
{
    public Domain.Credentials.Rotation? Open => Newest is { IsOpen: true } ? Newest : null;

    public RotationFacts Facts => RotationFacts.Of(Credential, Open?.SkipVerify ?? false);

    /// <summary>The state on the wire: of the newest rotation, or <c>none</c>.</summary>
    public string State => Newest is null ? "none" : Newest.State.Word();

    public static async Task<Outcome<RotationCase>> LoadAsync(AdminDb db, Guid workspaceId, string name, RotationSeen? seen, CancellationToken ct)
    {
        var credential = await Credentials(db).SingleOrDefaultAsync(c => c.WorkspaceId == workspaceId && c.Name == name && c.ArchivedAt == null, ct);
        if (credential is null) return Problem.NotFound("credential");
        var found = new RotationCase(credential, await NewestAsync(db, credential.Id, ct));
        if (seen is not null && (found.Newest?.Id != seen.Id || found.Newest.Revision != seen.Revision))
            return Problem.Conflict("Somebody else moved this rotation since you opened it. Look at where it stands now.", found.State);
        return found;
    }

    /// <summary>The case of one rotation, also when its credential is archived; null when there is no such rotation or it is not the newest.</summary>
    public static async Task<RotationCase?> LoadAsync(AdminDb db, Guid rotationId, CancellationToken ct)
    {
        var rotation = await db.Rotations.SingleOrDefaultAsync(r => r.Id == rotationId, ct);
        return rotation is null ? null : new RotationCase(await Credentials(db).SingleAsync(c => c.Id == rotation.CredentialId, ct), rotation);
    }

    /// <summary>The answer to a move that is not legal now.</summary>
    public Problem Illegal(RotationAnswer answer) => new(ProblemKind.Conflict, "CONFLICT", answer.Sentence(),
        new Dictionary<string, object?> { ["state"] = State, ["reason"] = JsonNamingPolicy.SnakeCaseLower.ConvertName(answer.ToString()) });

    // Whoever archives a credential, or changes rows by hand, leaves no rotation behind a version, or no version behind a rotation: then there is nothing to move.
    public Problem? Refuse(RotationAnswer answer, RotationAnswer whenNothingIsOpen) =>
        answer != RotationAnswer.Allowed ? Illegal(answer) : Open is null ? Illegal(whenNothingIsOpen) : null;

    private static IQueryable<Credential> Credentials(AdminDb db) => db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields);

    private static Task<Domain.Credentials.Rotation?> NewestAsync(AdminDb db, Guid credentialId, CancellationToken ct) =>
        db.Rotations.Where(r => r.CredentialId == credentialId).OrderByDescending(r => r.StartedAt).ThenByDescending(r => r.PendingVersion).FirstOrDefaultAsync(ct);
}

/// <summary>The words for states on the wire and on the screen.</summary>
public static class RotationStateWords
{
    public static string Word(this RotationState state) => state switch
    {
        RotationState.Pending => "pending",
        RotationState.Grace => "grace",
        RotationState.Retired => "retired",
        RotationState.RolledBack => "rolled_back",
        RotationState.Discarded => "discarded",
    };
}
