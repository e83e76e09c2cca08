using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Providers;

/// <summary>Keeps a record of the organization's own; one with a built-in id stands before that.</summary>
public sealed class SaveProvider(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, TimeProvider clock)
{
    public const int MaxRecord = 64 * 1024;
    public const int MaxOwn = 500;

    /// <param name="Id">The id in the address; the record's own may be left out.</param>
    /// <param name="Json">The record as text.</param>
    /// <param name="Revision">The revision that was seen; 0 is a new record, null is whatever is there.</param>
    public sealed record Input(string Id, string? Json, int? Revision = null);

    public sealed record Saved(string Id, bool Created, int Revision);

    public async Task<Outcome<Saved>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if (await authorizer.AuthorizeOrganizationAsync(actor, Permission.ManageOrganization, ct) is { } refused) return refused;
        if (Parse(input.Id, input.Json).Failed(out var bad, out var record)) return bad;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        var row = await db.OwnProviders.SingleOrDefaultAsync(p => p.Slug == record.Id, ct);
        if (input.Revision is { } seen && seen != (row?.Revision ?? 0))
            return Problem.Conflict(row is null ? "Somebody else deleted this record since you opened it." : "Somebody else changed this record since you opened it. Read it again.", row is null ? "deleted" : "changed");
        var created = row is null;
        if (row is null)
        {
            if (await db.OwnProviders.CountAsync(ct) >= MaxOwn) return Problem.Conflict($"There are {MaxOwn} own records already. Delete one that is not used.");
            db.OwnProviders.Add(row = new OwnProvider(Guid.CreateVersion7(now), record.Id));
        }
        // Above whatever was audited: a row put back to an older number must not take a number again.
        var audited = await db.AuditEvents.Where(e => e.SubjectId == row.Id && e.PolicyVersion != null).MaxAsync(e => e.PolicyVersion, ct) ?? 0;
        row.Change(ProviderJson.Write(record), Math.Max(row.Revision, audited) + 1, actor.Name, now, r => ProviderCatalog.Seal(vault, r));
        AuditTrail.Append(db, now, actor, AuditAction.ProviderSaved, new AuditSubject(null, record.Id, row.Id, null, row.Revision),
            $"{(created ? "record created" : "record changed")}; hosts {string.Join(", ", record.Hosts)}; {(record.Probe is { } probe ? "checked at " + new Uri(probe.Url).IdnHost : "no check")}");
        await write.CommitAsync(ct);
        return new Saved(record.Id, created, row.Revision);
    }

    /// <summary>The record, when it can be kept under this id.</summary>
    public static Outcome<ProviderRecord> Parse(string id, string? json)
    {
        if (string.IsNullOrWhiteSpace(json)) return Problem.Malformed("Give the record as a JSON object.");
        if (json.Length > MaxRecord) return Problem.Invalid("record", $"The record is too long: at most {MaxRecord} characters.");
        if (ProviderJson.Read(json).Failed(out var unreadable, out var record)) return unreadable;
        if (record.Id.Length == 0) record = record with { Id = id };
        if (record.Id != id) return Problem.Invalid("id", "The record's id is not the one in the address.");
        if (ProviderRules.Refuse(record) is { } wrong) return wrong;
        // In the form in which a credential keeps them.
        if (!DestinationPolicy.Normalize(record.Hosts).Failed(out _, out var hosts)) record = record with { Hosts = hosts };
        return ProviderRules.FindSecret(ProviderJson.Write(record)) is { } finding
            ? Problem.Invalid("record", $"Something in the record looks like {finding.Called}. Everybody here can read a record: take it out.")
            : record;
    }
}
