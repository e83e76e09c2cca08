using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Gives a credential a ladder of its own, or its workspace's again. What was told of the present date stays told.</summary>
public sealed class ChangeReminders(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, TimeProvider clock)
{
    /// <param name="Ladder">Days before expiry, descending; null: as the workspace has it.</param>
    public sealed record Input(IReadOnlyList<int>? Ladder);

    public async Task<Outcome<Done>> ExecuteAsync(Actor actor, string ws, string name, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        if (input.Ladder is { } ladder && !ExpiryPolicy.IsLadder(ladder)) return Problem.Invalid("ladder", ExpiryPolicy.LadderRule);
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if ((await CredentialRows.LivingAsync(db, workspace.Id, name, null, ct)).Failed(out var missing, out var credential)) return missing;
        credential.Ladder = input.Ladder;
        credential.Touch();
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.CredentialChanged, AuditSubject.Credential(credential), input.Ladder is null ? "reminders as the workspace has them" : $"reminders {string.Join(", ", input.Ladder)} days before expiry");
        await write.CommitAsync(ct);
        return Done.It;
    }
}
