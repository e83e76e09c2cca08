using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Hygiene;

/// <summary>
/// Reads a workspace as the rules see it, inside the caller's read transaction: some twenty statements, and one more for each 200 credentials in use; use from the sums alone, and no sealed byte.
/// Of other workspaces it reads only which credentials hold an equal value.
/// </summary>
internal static class HygieneReader
{
    /// <summary>Null when there is no such workspace.</summary>
    public static async Task<HygieneSnapshot?> ReadAsync(AdminDb db, Guid workspaceId, DateTimeOffset now, CancellationToken ct)
    {
        var slug = await db.Workspaces.Where(w => w.Id == workspaceId).Select(w => w.Slug).SingleOrDefaultAsync(ct);
        if (slug is null) return null;
        var isOrganization = workspaceId == Workspace.OrganizationId;
        var place = new HygienePlace(workspaceId, slug);

        var living = db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspaceId && c.ArchivedAt == null);
        var rows = await living.Select(c => new { c.Id, c.Name, c.Type, c.CreatedAt, c.ExpiresAt, c.OwnerId, c.AllowedHosts, c.AllowInUrl, c.Injection, c.Description }).ToListAsync(ct);
        var active = (await db.CredentialVersions.AsNoTracking().Where(v => v.State == VersionState.Active).Join(living, v => v.CredentialId, c => c.Id, (v, c) => v)
            .Select(v => new { v.Id, v.CredentialId, v.Number, v.CreatedAt, v.ActivatedAt, v.IsRolled }).ToListAsync(ct)).ToDictionary(v => v.CredentialId);
        var fields = (await db.SealedFields.AsNoTracking().Join(db.CredentialVersions.Where(v => v.State == VersionState.Active), f => f.VersionId, v => v.Id, (f, v) => new { v.CredentialId, f.Name })
            .Join(db.CredentialsFor(workspaceId), f => f.CredentialId, c => c.Id, (f, c) => f).ToListAsync(ct)).ToLookup(f => f.CredentialId, f => f.Name);
        var scope = (await (from m in db.ScopeMembers.AsNoTracking()
                            join c in living on m.CredentialId equals c.Id
                            join k in db.Consumers.Where(k => k.DeletedAt == null) on m.ConsumerId equals k.Id
                            join w in db.Workspaces on k.WorkspaceId equals w.Id
                            select new { m.CredentialId, k.Id, k.Kind, k.Name, Place = w.Slug, k.CreatedAt }).ToListAsync(ct)).ToLookup(m => m.CredentialId);
        var changed = await db.AuditEvents.AsNoTracking().Where(e => e.PolicyVersion != null && e.SubjectId != null).Join(living, e => e.SubjectId!.Value, c => c.Id, (e, c) => e)
            .GroupBy(e => e.SubjectId!.Value).Select(g => new { g.Key, At = g.Max(e => e.At) }).ToDictionaryAsync(g => g.Key, g => g.At, ct);
        var twins = (await (from v in db.CredentialVersions.AsNoTracking()
                            join c in living on v.CredentialId equals c.Id
                            where v.State <= VersionState.Retiring && v.Fingerprint != ""
                            join o in db.CredentialVersions on v.Fingerprint equals o.Fingerprint
                            where o.CredentialId != v.CredentialId && o.State <= VersionState.Retiring
                            join t in db.Credentials.Where(t => t.ArchivedAt == null) on o.CredentialId equals t.Id
                            join w in db.Workspaces on t.WorkspaceId equals w.Id
                            select new { v.CredentialId, t.Id, t.Name, t.WorkspaceId, w.Slug, t.CreatedAt }).Distinct().ToListAsync(ct)).ToLookup(t => t.CredentialId);
        var used = await db.CredentialUses.AsNoTracking().Join(living, u => u.CredentialId, c => c.Id, (u, c) => u).ToDictionaryAsync(u => u.CredentialId, u => u.LastUsedAt, ct);
        var by = await UsersAsync(db, used, now, ct);
        var rotations = await db.Rotations.AsNoTracking().Where(r => r.WorkspaceId == workspaceId && (r.State == RotationState.Pending || r.State == RotationState.Grace)).ToDictionaryAsync(r => r.CredentialId, r => new HygieneRotation(r.StartedAt, r.RetireAt), ct);
        var owners = await OwnersAsync(db, workspaceId, isOrganization, [.. rows.Select(r => r.OwnerId).OfType<Guid>().Distinct()], ct);
        var tools = (await db.Consumers.AsNoTracking().Where(k => k.WorkspaceId == workspaceId && k.Kind == ConsumerKind.Tool && k.DeletedAt == null).Select(k => new { k.Id, k.Name, k.Description, k.Config }).ToListAsync(ct)).ConvertAll(k => Tool(k.Id, k.Name, k.Description, k.Config));
        var granted = await db.CredentialsFor(workspaceId).AsNoTracking().Where(c => c.WorkspaceId != workspaceId).Select(c => new { c.Id, c.Name, c.Type }).ToListAsync(ct);
        var grants = !isOrganization ? null : (await db.CredentialGrants.AsNoTracking().Join(living, g => g.CredentialId, c => c.Id, (g, c) => g)
            .Join(db.Workspaces, g => g.WorkspaceId, w => w.Id, (g, w) => new { g.CredentialId, w.Id, w.Slug }).ToListAsync(ct)).ToLookup(g => g.CredentialId, g => new HygienePlace(g.Id, g.Slug));
        // The organization has no tools of its own: those of the workspaces that have the credential count.
        var inUrl = !isOrganization ? null : (await db.References.AsNoTracking().Where(r => r.Place == "base_url" || r.Place.StartsWith("query."))
            .Join(db.CredentialGrants, r => r.WorkspaceId, g => g.WorkspaceId, (r, g) => new { r.CredentialName, g.CredentialId }).Join(living, r => r.CredentialId, c => c.Id, (r, c) => new { r.CredentialName, c.Name, c.Id }).Where(r => r.CredentialName == r.Name).Select(r => r.Id).Distinct().ToListAsync(ct)).ToHashSet();
        var addressed = tools.SelectMany(t => t.Names.Where(n => HygieneTool.IsAddress(n.Place)).Select(n => n.Credential)).ToHashSet(StringComparer.Ordinal);
        var attached = tools.SelectMany(t => t.Names.Where(n => n.Place == AttachedPlace).Select(n => n.Credential)).ToHashSet(StringComparer.Ordinal);

        var credentials = rows.ConvertAll(r =>
        {
            var version = active.GetValueOrDefault(r.Id);
            var inQuery = r.Injection.Fields.Any(f => f.Place == FieldPlace.Query);
            return new HygieneCredential(r.Id, r.Name, r.Type, r.CreatedAt, version?.Number, version is null ? null : version.ActivatedAt ?? version.CreatedAt, r.Type == CredentialType.OAuthToken || version is { IsRolled: true }, r.ExpiresAt)
            {
                Owner = r.OwnerId is { } id ? owners.GetValueOrDefault(id) ?? new HygieneOwner(true, null, true) : HygieneOwner.Nobody,
                Hosts = r.AllowedHosts,
                Scope = [.. scope[r.Id].Select(m => new HygieneScopeEntry(m.Id, m.Kind, m.Name, isOrganization ? $"{m.Place}/{m.Name}" : m.Name, m.CreatedAt))],
                ScopeChangedAt = changed.TryGetValue(r.Id, out var at) ? at : null,
                Use = new HygieneUse(used.TryGetValue(r.Id, out var last) ? last : null, [.. by[r.Id]]),
                Grants = [.. grants?[r.Id] ?? []],
                Twins = [.. twins[r.Id].Select(t => new HygieneTwin(t.Id, t.Name, new HygienePlace(t.WorkspaceId, t.Slug), t.WorkspaceId == workspaceId, t.CreatedAt))],
                AllowInUrl = r.AllowInUrl,
                StandsInUrl = addressed.Contains(r.Name) || (inQuery && attached.Contains(r.Name)) || (isOrganization && (inQuery || inUrl!.Contains(r.Id))),
                Fields = FieldsOf(r.Type, fields[r.Id]),
                Rotation = rotations.GetValueOrDefault(r.Id),
                LooksLike = r.Description is null ? null : PlaintextDetector.Find(r.Description)?.Called,
            };
        });
        return new HygieneSnapshot(place, credentials, tools, granted.DistinctBy(g => g.Name).ToDictionary(g => g.Name, g => FieldsOf(g.Type, fields[g.Id]), StringComparer.Ordinal));
    }

    private const string AttachedPlace = "credentials";

    private const int AtOnce = 200;

    // A session's fields are its cookies, which come and go with the site; without a version in use nothing is known.
    private static IReadOnlyList<string>? FieldsOf(CredentialType type, IEnumerable<string> names) => type == CredentialType.Cookie || names.ToList() is not { Count: > 0 } known ? null : known;

    private static async Task<ILookup<Guid, (ConsumerKind, string)>> UsersAsync(AdminDb db, Dictionary<Guid, DateTimeOffset> used, DateTimeOffset now, CancellationToken ct)
    {
        var first = now - HygieneRules.Window;
        List<Guid> recent = [.. used.Where(u => u.Value > first).Select(u => u.Key)];
        if (recent.Count == 0) return Array.Empty<Guid>().ToLookup(id => id, _ => (ConsumerKind.Tool, ""));
        var (from, to) = (Day(first), Day(now));
        // Each day and credential is one look into the index.
        var days = Enumerable.Range(from, to - from + 1).ToArray();
        var rows = new List<(Guid, ConsumerKind, string)>();
        foreach (var part in recent.Chunk(AtOnce).Select(c => c.ToList()))
            rows.AddRange((await db.UsageSources.AsNoTracking().Where(s => EF.Parameter(days).Contains(s.Day) && part.Contains(s.CredentialId) && s.Kind <= SourceKind.Workflow)
                .Select(s => new { s.CredentialId, s.Kind, s.Name }).Distinct().ToListAsync(ct)).Select(r => (r.CredentialId, (ConsumerKind)r.Kind, r.Name)));
        return rows.ToLookup(r => r.Item1, r => (r.Item2, r.Item3));
    }

    private static int Day(DateTimeOffset at) => (int)(at.ToUnixTimeSeconds() / 86400);

    // Whoever is shut out, or is in neither the workspace nor the organization's admins, is gone.
    private static async Task<Dictionary<Guid, HygieneOwner>> OwnersAsync(AdminDb db, Guid workspaceId, bool isOrganization, List<Guid> ids, CancellationToken ct) =>
        await db.Users.AsNoTracking().Where(u => ids.Contains(u.Id))
            .Select(u => new { u.Id, u.Email, Stays = u.DisabledAt == null && (isOrganization || u.OrganizationRole == OrganizationRole.Admin || db.Memberships.Any(m => m.WorkspaceId == workspaceId && m.UserId == u.Id)) })
            .ToDictionaryAsync(u => u.Id, u => new HygieneOwner(true, u.Email, !u.Stays), ct);

    internal static HygieneTool Tool(Guid id, string name, string? description, ToolConfig? config)
    {
        var names = new List<(string, string, string?)>();
        var looks = new List<(string, string)>();
        if (description is not null && PlaintextDetector.Find(description) is { } told) looks.Add(("description", told.Called));
        foreach (var (place, text) in config?.Templates() ?? [])
        {
            // What does not parse is refused at every call, and was not written by the app.
            if (!SecretTemplate.TryParse(text, out var template, out _)) continue;
            names.AddRange(template.Placeholders.Select(p => (place, p.Name, p.Field)));
            var called = place.IndexOf('.', StringComparison.Ordinal) is >= 0 and var dot ? place[(dot + 1)..] : null;
            foreach (var part in template.Parts.Where(p => p.Placeholder is null))
            {
                if ((called is null ? PlaintextDetector.Find(part.Literal) : PlaintextDetector.Find(called, part.Literal)) is not { } found) continue;
                looks.Add((place, found.Called));
                break;
            }
        }
        return new HygieneTool(id, name, names, looks);
    }
}
