using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Hygiene;

/// <summary>Puts a finding right where that is safe, as the person who says so, sealed and audited like a change by hand; and takes it back.</summary>
public sealed class FixFinding(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, EvaluateHygiene evaluate, SecretVault vault, TimeProvider clock)
{
    /// <param name="Revision">The revision of the finding that the person saw.</param>
    public sealed record Input(int? Revision = null);

    /// <param name="Did">What was done, for a person.</param>
    /// <param name="CredentialRevision">As the fix left it; a later change by somebody else is not undone.</param>
    /// <param name="Members">The consumers that were taken out of the scope.</param>
    /// <param name="OwnerBefore">Who owned it.</param>
    public sealed record Fixed(Guid Id, HygieneFix Fix, string Did, Guid CredentialId, int CredentialRevision, IReadOnlyList<Guid> Members, Guid? OwnerBefore);

    public async Task<Outcome<Fixed>> ExecuteAsync(Actor actor, string workspaceSlug, Guid id, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        Fixed done;
        Guid place;
        await using (var write = await db.BeginWriteAsync(ct))
        {
            if (await AcceptFinding.FindAsync(db, workspace, id, ct) is not { } finding) return Problem.NotFound("finding");
            if (finding.ResolvedAt is not null) return Problem.Conflict("This was put right meanwhile.", "resolved");
            if (input.Revision is { } seen && seen != finding.Revision) return Problem.Conflict("This finding has changed since you saw it. Look at it again, then decide.", "changed");
            place = finding.WorkspaceId;
            if (await db.Credentials.AsSplitQuery().Include(c => c.ScopeMembers).Include(c => c.Versions).SingleOrDefaultAsync(c => c.Id == finding.SubjectId && c.ArchivedAt == null, ct) is not { } credential)
                return Problem.Conflict(finding.Fix == HygieneFix.None ? NotByItself : "The credential is gone.", "not_fixable");
            if ((await ApplyAsync(db, actor, finding, credential, now, ct)).Failed(out var problem, out var fix)) return problem;
            done = fix!;
            await write.CommitAsync(ct);
        }
        await evaluate.OneAsync(place, ct);
        return done;
    }

    /// <summary>Takes a fix back, unless somebody changed the credential since.</summary>
    public async Task<Outcome<Done>> UndoAsync(Actor actor, string workspaceSlug, Fixed done, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageCredentials, ct)).Failed(out var refused, out var workspace)) return refused;
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        Guid place;
        await using (var write = await db.BeginWriteAsync(ct))
        {
            var credential = await db.Credentials.AsSplitQuery().Include(c => c.ScopeMembers).Include(c => c.Versions).SingleOrDefaultAsync(c => c.Id == done.CredentialId && c.ArchivedAt == null && (workspace.IsOrganization || c.WorkspaceId == workspace.Id), ct);
            if (credential is null) return Problem.NotFound("credential");
            if (credential.Revision != done.CredentialRevision) return Problem.Conflict("Somebody changed the credential since. Change it on its page instead.", "changed");
            place = credential.WorkspaceId;
            switch (done.Fix)
            {
                case HygieneFix.NarrowScope:
                    if (!await PolicyCheck.IsIntactAsync(db, vault, credential, ct)) return Tampered;
                    var back = await db.Consumers.Where(c => done.Members.Contains(c.Id) && c.DeletedAt == null).ToListAsync(ct);
                    ChangePolicy(db, actor, credential, [.. credential.ScopeMembers, .. back.Select(c => new ScopeMember { CredentialId = credential.Id, ConsumerId = c.Id, Kind = c.Kind })], $"back in the scope: {Names(back)}", now, await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
                    break;
                case HygieneFix.TakeOwnership:
                    credential.OwnerId = done.OwnerBefore;
                    credential.Touch();
                    AuditTrail.Append(db, now, actor, AuditAction.CredentialChanged, AuditSubject.Credential(credential), "owner as before; hygiene fix undone");
                    break;
                case HygieneFix.ForbidInUrl:
                    if (!await PolicyCheck.IsIntactAsync(db, vault, credential, ct)) return Tampered;
                    credential.AllowInUrl = true;
                    ChangePolicy(db, actor, credential, [.. credential.ScopeMembers], "may stand in an address again", now, await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
                    break;
                case HygieneFix.None:
                    return Problem.Conflict(NotByItself, "not_fixable");
            }
            await write.CommitAsync(ct);
        }
        await evaluate.OneAsync(place, ct);
        return Done.It;
    }

    private const string NotByItself = "This one needs a person: follow the link to where it is put right.";

    private static readonly Problem Tampered = Problem.Conflict("Scope or hosts of this credential were changed outside the app. Look at them on the credential's page and save the scope anew there.", "tampered");

    private async Task<Outcome<Fixed>> ApplyAsync(AdminDb db, Actor actor, HygieneFinding finding, Credential credential, DateTimeOffset now, CancellationToken ct)
    {
        switch (finding.Fix)
        {
            case HygieneFix.NarrowScope:
                // The scope that is left is kept, so it must be ours.
                if (!await PolicyCheck.IsIntactAsync(db, vault, credential, ct)) return Tampered;
                var gone = await db.Consumers.Where(c => finding.Members.Contains(c.Id)).ToListAsync(ct);
                gone.RemoveAll(c => !credential.ScopeMembers.Exists(m => m.ConsumerId == c.Id));
                List<ScopeMember> left = [.. credential.ScopeMembers];
                // Whoever leaves never opens the scope to others, nor closes it: decided on the scope as it is now.
                left.RemoveAll(m => gone.Exists(c => c.Id == m.ConsumerId));
                if (gone.Count == 0 || !KeepsBothSides(credential.ScopeMembers, left)) return Problem.Conflict("The scope has changed since. Look at it on the credential's page.", "changed");
                var narrowed = $"out of the scope, unused for {HygieneRules.Window.TotalDays:0} days: {Names(gone)}";
                ChangePolicy(db, actor, credential, left, narrowed, now, await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
                return Of(narrowed, gone.ConvertAll(c => c.Id));
            case HygieneFix.TakeOwnership:
                if (actor.Kind != ActorKind.User) return Problem.Conflict("A key cannot own a credential. Name an owner by e-mail instead: PATCH …/credentials/{name} with owner.", "not_a_person");
                var before = credential.OwnerId;
                credential.OwnerId = actor.Id;
                credential.Touch();
                AuditTrail.Append(db, now, actor, AuditAction.CredentialChanged, AuditSubject.Credential(credential), $"owner {actor.Name}; hygiene fix");
                return Of($"{actor.Name} owns it", [], before);
            case HygieneFix.ForbidInUrl:
                if (!await PolicyCheck.IsIntactAsync(db, vault, credential, ct)) return Tampered;
                if (!credential.AllowInUrl) return Problem.Conflict("It is off already.", "changed");
                // Asked again inside this transaction: a tool saved meanwhile would be refused at every call.
                if (await NeedsUrlAsync(db, credential, ct)) return Problem.Conflict("A tool puts it into its address now. Look at that tool first.", "changed");
                credential.AllowInUrl = false;
                ChangePolicy(db, actor, credential, [.. credential.ScopeMembers], "may not stand in an address any more", now, await PolicyCheck.NewestAuditedAsync(db, credential.Id, ct));
                return Of("it may not stand in an address any more", []);
            case HygieneFix.None:
                return Problem.Conflict(NotByItself, "not_fixable");
            default:
                throw new InvalidOperationException($"no fix {finding.Fix}");
        }

        Fixed Of(string did, IReadOnlyList<Guid> members, Guid? owner = null) => new(finding.Id, finding.Fix, did, credential.Id, credential.Revision, members, owner);
    }

    private void ChangePolicy(AdminDb db, Actor actor, Credential credential, IReadOnlyList<ScopeMember> members, string what, DateTimeOffset now, int above)
    {
        credential.ChangePolicy(members.Select(m => new ScopeMember { CredentialId = credential.Id, ConsumerId = m.ConsumerId, Kind = m.Kind }), credential.AllowedHosts, c => PolicySeal.Of(vault, c), above);
        AuditTrail.Append(db, now, actor, AuditAction.CredentialPolicyChanged, AuditSubject.Credential(credential, policy: true), $"{what}; hygiene fix");
    }

    private static bool KeepsBothSides(IReadOnlyCollection<ScopeMember> before, IReadOnlyCollection<ScopeMember> after) =>
        before.Any(m => m.Kind == ConsumerKind.Tool) == after.Any(m => m.Kind == ConsumerKind.Tool) && before.Any(m => m.Kind != ConsumerKind.Tool) == after.Any(m => m.Kind != ConsumerKind.Tool);

    private static async Task<bool> NeedsUrlAsync(AdminDb db, Credential credential, CancellationToken ct)
    {
        List<Guid> places = [credential.WorkspaceId, .. credential.Grants.Select(g => g.WorkspaceId)];
        var named = await db.References.Where(r => places.Contains(r.WorkspaceId) && r.CredentialName == credential.Name).Select(r => r.Place).Distinct().ToListAsync(ct);
        return named.Exists(HygieneTool.IsAddress) || (named.Contains("credentials") && credential.Injection.Fields.Any(f => f.Place == FieldPlace.Query));
    }

    private static string Names(IEnumerable<Consumer> consumers) => string.Join(", ", consumers.OrderBy(c => c.Kind).ThenBy(c => c.Name, StringComparer.Ordinal).Select(c => $"{c.Kind.ToString().ToLowerInvariant()} {c.Name}"));
}
