using System.Buffers;
using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Providers;

/// <summary>All that is known of providers: the records that come with the app, and the organization's own, which stand before them. Own ones are read when asked for: they are few, and another node may have changed them.</summary>
public sealed class ProviderCatalog(IDbContextFactory<AdminDb> dbs, SecretVault vault, IOptions<ProvidersOptions> options)
{
    /// <summary>The records that come with the app, as they are in its file.</summary>
    public static IReadOnlyList<ProviderRecord> BuiltIn { get; } = Load();

    /// <summary>Every provider, by its English name.</summary>
    public async Task<IReadOnlyList<ProviderEntry>> ListAsync(CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await ListAsync(db, ct);
    }

    private async Task<IReadOnlyList<ProviderEntry>> ListAsync(AdminDb db, CancellationToken ct)
    {
        var own = await OwnAsync(db, ct);
        var entries = BuiltIn.Where(r => !own.Exists(o => o.Record.Id == r.Id)).Select(r => new ProviderEntry(r, ProviderOrigin.BuiltIn)).Concat(own);
        return [.. entries.Select(Placed).OrderBy(e => e.Record.Id == Generic).ThenBy(e => e.Record.Name.En, StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>The usable record that a credential's provider means, by id or by name; null when there is none.</summary>
    public async Task<ProviderRecord?> FindAsync(string? provider, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(provider)) return null;
        await using var db = await dbs.CreateDbContextAsync(ct);
        return await FindAsync(db, provider, ct);
    }

    /// <summary>The same inside the caller's transaction.</summary>
    public async Task<ProviderRecord?> FindAsync(AdminDb db, string? provider, CancellationToken ct)
    {
        if (string.IsNullOrWhiteSpace(provider)) return null;
        var wanted = provider.Trim();
        var usable = (await ListAsync(db, ct)).Where(e => !e.Tampered).Select(e => e.Record).ToList();
        return usable.Find(r => r.Id == wanted) ?? usable.Find(r => string.Equals(r.Name.En, wanted, StringComparison.OrdinalIgnoreCase) || r.Name.Zh == wanted);
    }

    /// <summary>What stands for a service that is not known.</summary>
    public const string Generic = "generic";

    /// <summary>The seal of an own record.</summary>
    public static byte[] Seal(SecretVault vault, OwnProvider row) => vault.PolicyMac(Canonical(row));

    private static byte[] Canonical(OwnProvider row)
    {
        var p = new ChainPayload(new ArrayBufferWriter<byte>(1024));
        p.Text("evose/policy/provider/1");
        p.Id(row.Id);
        p.Text(row.Slug);
        p.Number((long)row.Revision);
        p.Text(row.Record);
        return p.Written.ToArray();
    }

    private async Task<List<ProviderEntry>> OwnAsync(AdminDb db, CancellationToken ct)
    {
        var rows = await db.OwnProviders.AsNoTracking()
            .Select(p => new { Row = p, Audited = db.AuditEvents.Where(e => e.SubjectId == p.Id && e.PolicyVersion != null).Max(e => e.PolicyVersion) }).ToListAsync(ct);
        return rows.ConvertAll(r => EntryOf(r.Row, r.Audited));
    }

    private ProviderEntry EntryOf(OwnProvider row, int? audited)
    {
        var origin = BuiltIn.Any(b => b.Id == row.Slug) ? ProviderOrigin.Override : ProviderOrigin.Own;
        var intact = audited == row.Revision && vault.IsPolicyGenuine(Canonical(row), row.Mac);
        ProviderRecord? record = null;
        if (intact && !ProviderJson.Read(row.Record).Failed(out _, out var read) && read.Id == row.Slug && ProviderRules.Refuse(read) is null) record = read;
        return new ProviderEntry(record ?? new ProviderRecord { Id = row.Slug, Name = new Words(row.Slug, row.Slug) }, origin, row.Revision, row.ChangedAt, row.ChangedBy, record is null);
    }

    private ProviderEntry Placed(ProviderEntry entry) =>
        options.Value.Bases is { } bases && bases.TryGetValue(entry.Record.Id, out var place) ? entry with { Record = entry.Record.MovedTo(new Uri(place)), Written = entry.Record, Place = place } : entry;

    private static List<ProviderRecord> Load()
    {
        using var file = typeof(ProviderCatalog).Assembly.GetManifestResourceStream("Evose.Admin.Platform.Providers.catalogue.json") ?? throw new InvalidOperationException("the catalogue is not in the app");
        return JsonSerializer.Deserialize<List<ProviderRecord>>(file, ProviderJson.Options)!;
    }
}

/// <summary>Where a record comes from.</summary>
public enum ProviderOrigin
{
    /// <summary>It comes with the app.</summary>
    BuiltIn,

    /// <summary>The organization wrote it.</summary>
    Own,

    /// <summary>The organization wrote it, and it stands before a built-in one.</summary>
    Override,
}

/// <summary>A record and where it comes from.</summary>
/// <param name="Tampered">The row is not as the app wrote it: it is listed, and not used.</param>
/// <param name="Place">The setting that moved it to another place; null when it is where everybody finds it.</param>
public sealed record ProviderEntry(ProviderRecord Record, ProviderOrigin Origin, int Revision = 0, DateTimeOffset? ChangedAt = null, string? ChangedBy = null, bool Tampered = false, string? Place = null)
{
    /// <summary>The record before a setting moved it.</summary>
    public ProviderRecord Written { get; init; } = Record;
}
