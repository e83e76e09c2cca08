using System.Collections.Immutable;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Catalog;

/// <summary>
/// The data plane's memory: sealed rows of everything a call is decided by. Refreshed by stamp, only what changed. Every row's seal is checked when it is loaded,
/// and its policy number against the newest one in the audit trail, so that neither an edited nor an older row is obeyed.
/// </summary>
public sealed class CredentialCatalog(IDbContextFactory<AdminDb> dbs, SecretVault vault, CatalogStamp stamp) : IDisposable
{
    private readonly SemaphoreSlim _refresh = new(1, 1);
    private volatile CatalogSnapshot _snapshot = CatalogSnapshot.Empty;

    /// <summary>What holds now. Reads the database only when something changed since. Throws when a change by another node could have gone unnoticed.</summary>
    public ValueTask<CatalogSnapshot> CurrentAsync(CancellationToken ct)
    {
        if (!stamp.IsCurrent) throw new TimeoutException("the database is silent, so what holds now is not known");
        var snapshot = _snapshot;
        return snapshot.Stamp >= stamp.Latest && snapshot.Stamp > 0 ? new(snapshot) : new(RefreshAsync(ct));
    }

    /// <summary>Reads what changed since the last time.</summary>
    public async Task<CatalogSnapshot> RefreshAsync(CancellationToken ct)
    {
        await _refresh.WaitAsync(ct);
        try
        {
            await using var db = await dbs.CreateDbContextAsync(ct);
            // One read transaction: rows and stamp belong together.
            await using var read = await db.BeginReadAsync(ct);
            var latest = await db.Installations.AsNoTracking().Select(i => i.Stamp).SingleAsync(ct);
            stamp.Advance(latest);
            if (latest == _snapshot.Stamp) return _snapshot;
            // Rows may be sealed, and keys hashed, under a master key that another node has made.
            await KeyWatch.TakeUpAsync(db, vault, ct);
            return _snapshot = await LoadAsync(db, _snapshot, latest, ct);
        }
        finally
        {
            _refresh.Release();
        }
    }

    private async Task<CatalogSnapshot> LoadAsync(AdminDb db, CatalogSnapshot old, long latest, CancellationToken ct)
    {
        var since = old.Stamp;
        var workspaces = old.Workspaces.ToBuilder();
        foreach (var w in await db.Workspaces.AsNoTracking().Where(w => w.Stamp > since).ToListAsync(ct)) workspaces[w.Slug] = new CatalogWorkspace(w.Id, w.Slug);

        var byName = old.Consumers.ToBuilder();
        var byId = old.ConsumersById.ToBuilder();
        var consumers = await db.Consumers.AsNoTracking().Where(c => c.Stamp > since).ToListAsync(ct);
        var links = (await db.ConsumerLinks.AsNoTracking().Where(l => db.Consumers.Any(c => c.Id == l.FromId && c.Stamp > since)).ToListAsync(ct)).ToLookup(l => l.FromId, l => l.ToId);
        var consumerPolicies = await AuditedPoliciesAsync(db, db.Consumers.Where(c => c.Stamp > since).Select(c => c.Id), ct);
        // All old names go before any new one comes: between two refreshes a name may have passed from one row to another.
        foreach (var was in consumers.Select(c => byId.GetValueOrDefault(c.Id)).OfType<CatalogConsumer>().ToList())
        {
            byId.Remove(was.Id);
            byName.Remove((was.WorkspaceId, was.Kind, was.Name));
        }
        foreach (var c in consumers)
        {
            if (c.DeletedAt is not null) continue;
            var tampered = !PolicySeal.IsGenuine(vault, c, links[c.Id]) || consumerPolicies.GetValueOrDefault(c.Id) != c.Revision;
            var request = c.Config is null ? null : Compile(c.Config);
            byId[c.Id] = byName[(c.WorkspaceId, c.Kind, c.Name)] = new CatalogConsumer(c.Id, c.WorkspaceId, c.Kind, c.Name, new ConsumerFacts(c.Id, c.WorkspaceId, c.Kind, false, links[c.Id].ToHashSet(), ImmutableHashSet<Guid>.Empty), request, tampered || (c.Kind == ConsumerKind.Tool && request is null));
        }

        // What a workflow reaches through its agents follows from the agents as they are now, so it is made anew whenever any consumer changed.
        if (consumers.Count > 0)
        {
            foreach (var workflow in byId.Values.Where(c => c.Kind == ConsumerKind.Workflow).ToList())
            {
                var through = workflow.Facts.Uses.Select(id => byId.GetValueOrDefault(id)).Where(c => c is { Kind: ConsumerKind.Agent, Tampered: false }).SelectMany(a => a!.Facts.Uses).ToHashSet();
                if (workflow.Facts.ThroughAgents.SetEquals(through)) continue;
                byId[workflow.Id] = byName[(workflow.WorkspaceId, workflow.Kind, workflow.Name)] = workflow with { Facts = workflow.Facts with { ThroughAgents = through } };
            }
        }

        var credentials = old.Credentials.ToBuilder();
        var credentialsById = old.CredentialsById.ToBuilder();
        var policies = await AuditedPoliciesAsync(db, db.Credentials.Where(c => c.Stamp > since).Select(c => c.Id), ct);
        var changed = await db.Credentials.AsNoTracking().AsSplitQuery().Where(c => c.Stamp > since)
            .Include(c => c.ScopeMembers).Include(c => c.Versions.Where(v => v.State == VersionState.Active)).ThenInclude(v => v.Fields).ToListAsync(ct);
        foreach (var was in changed.Select(c => credentialsById.GetValueOrDefault(c.Id)).OfType<CatalogCredential>().ToList())
        {
            credentialsById.Remove(was.Id);
            credentials.Remove((was.WorkspaceId, was.Name));
            foreach (var workspace in was.Grants) credentials.Remove((workspace, was.Name));
        }
        foreach (var c in changed)
        {
            if (c.ArchivedAt is not null) continue;
            var tampered = !PolicySeal.IsGenuine(vault, c) || policies.GetValueOrDefault(c.Id) != c.PolicyVersion;
            var active = c.Active is { Value: { } value } v && v.Number == c.ActiveVersion ? new CatalogVersion(v.Number, value, v.ExpiresAt) { Origin = v.Origin } : null;
            credentialsById[c.Id] = credentials[(c.WorkspaceId, c.Name)] =
                new CatalogCredential(c.Id, c.WorkspaceId, c.Name, c.Scope, DestinationPolicy.Compile(c.AllowedHosts), active, tampered)
                {
                    Type = c.Type, Injection = c.Injection, AllowInUrl = c.AllowInUrl, Session = c.Session ?? SessionRules.Default, Provider = c.Provider, NeedsSignIn = c.NeedsSignInAt is not null, ExpiresAt = c.ExpiresAt,
                    Frozen = c.FrozenAt is not null,
                    Grants = [.. c.Grants.Select(g => g.WorkspaceId)],
                };
            // A name is never taken twice in a workspace; should it be, its own wins.
            foreach (var grant in c.Grants) credentials.TryAdd((grant.WorkspaceId, c.Name), credentialsById[c.Id]);
        }

        var keys = old.ApiKeys.ToBuilder();
        foreach (var k in await db.ApiKeys.AsNoTracking().Where(k => k.Stamp > since).ToListAsync(ct)) keys[k.PublicId] = k;

        var blocks = old.BlockDays.ToBuilder();
        foreach (var s in await db.NotificationSettings.AsNoTracking().Where(s => s.Stamp > since).Select(s => new { s.WorkspaceId, s.BlockFromDay }).ToListAsync(ct))
        {
            if (s.BlockFromDay is { } day) blocks[s.WorkspaceId] = day;
            else blocks.Remove(s.WorkspaceId);
        }

        return new CatalogSnapshot(latest, workspaces.ToImmutable(), byName.ToImmutable(), byId.ToImmutable(), credentials.ToImmutable(), credentialsById.ToImmutable(), keys.ToImmutable()) { BlockDays = blocks.ToImmutable() };
    }

    private static async Task<Dictionary<Guid, int>> AuditedPoliciesAsync(AdminDb db, IQueryable<Guid> ids, CancellationToken ct) =>
        await db.AuditEvents.Where(e => e.PolicyVersion != null && e.SubjectId != null && ids.Contains(e.SubjectId.Value))
            .GroupBy(e => e.SubjectId!.Value).Select(g => new { g.Key, Newest = g.Max(e => e.PolicyVersion!.Value) }).ToDictionaryAsync(g => g.Key, g => g.Newest, ct);

    /// <summary>The compiled request of a tool, or null when it does not parse (it was checked on save, so then it was changed behind the app's back).</summary>
    public static ToolRequest? Compile(ToolConfig config)
    {
        var names = new List<string>();
        if (!Uri.TryCreate(config.BaseUrl.TrimEnd('/'), UriKind.Absolute, out var uri)) return null;
        SecretTemplate? path = null;
        if (Parse(config.BaseUrl, names) is not { } whole) return null;
        // The path as it is sent, with the placeholders readable again.
        if (whole.HasPlaceholders && ((path = Parse(uri.AbsolutePath.Replace("%7B%7B", "{{", StringComparison.Ordinal).Replace("%7D%7D", "}}", StringComparison.Ordinal), names)) is null || path.Placeholders.Count != whole.Placeholders.Count)) return null;
        var headers = new List<(string, SecretTemplate)>();
        foreach (var (name, text) in config.Headers)
        {
            if (Parse(text, names) is not { } template) return null;
            headers.Add((name, template));
        }
        var query = new List<(string, SecretTemplate)>();
        foreach (var (name, text) in config.Query)
        {
            if (Parse(text, names) is not { } template) return null;
            query.Add((name, template));
        }
        SecretTemplate? body = null;
        if (config.Body is not null && (body = Parse(config.Body, names)) is null) return null;
        foreach (var name in config.Attached ?? [])
            if (!names.Contains(name)) names.Add(name);
        return new ToolRequest(uri, config.Method, headers, query, body, names, config.Attached ?? []) { Path = path };
    }

    private static SecretTemplate? Parse(string text, List<string> names)
    {
        if (!SecretTemplate.TryParse(text, out var template, out _)) return null;
        foreach (var p in template.Placeholders)
            if (!names.Contains(p.Name)) names.Add(p.Name);
        return template;
    }

    public void Dispose() => _refresh.Dispose();
}
