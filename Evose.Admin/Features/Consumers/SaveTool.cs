using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Consumers;

/// <summary>Creates, replaces or renames a tool. What it stores holds placeholders and no secret, and every placeholder names a living credential of the workspace.</summary>
public sealed class SaveTool(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, SecretVault vault, EgressGuard egress, KnownPlaintext known, TimeProvider clock)
{
    /// <param name="Kind"><c>http</c>, also when not given.</param>
    /// <param name="Credentials">Names of credentials that travel by rules of their own.</param>
    public sealed record Input(
        ConsumerTarget Target,
        string? Kind,
        string? BaseUrl,
        string? Method = null,
        IEnumerable<KeyValuePair<string, string?>>? Headers = null,
        IEnumerable<KeyValuePair<string, string?>>? Query = null,
        string? Body = null,
        IReadOnlyList<string?>? Credentials = null);

    public async Task<Outcome<SavedConsumer>> ExecuteAsync(Actor actor, string workspaceSlug, Input input, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.ManageConsumers, ct)).Failed(out var refused, out var workspace)) return refused;
        // First of all: what is one of ours is told of, also when the text is refused for another reason.
        if (await known.RefuseAsync(actor, workspace, "tool " + Named(input.Target), Texts(input), ct) is { } ours) return ours;
        if (ConsumerSave.Refuse(input.Target) is { } wrongTarget) return wrongTarget;
        if (RefuseKind(input.Kind) is { } wrongKind) return wrongKind;
        if (ToolDraft.Parse(input.BaseUrl, input.Method, input.Headers, input.Query, input.Body, input.Credentials).Failed(out var wrong, out var draft)) return wrong;
        var uri = new Uri(draft.Config.BaseUrl);
        // An early warning; every call is judged again, with the addresses that the name then has.
        if (egress.CheckTarget(uri, uri.Port) is { } unreachable) return Problem.Invalid("base_url", "base_url: " + unreachable.Message);

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await RefusePlaceholdersAsync(db, workspace.Id, draft, ct) is { } unknown) return unknown;
        var now = clock.GetUtcNow();
        if ((await ConsumerSave.FindAsync(db, workspace.Id, ConsumerKind.Tool, input.Target, now, ct)).Failed(out var missing, out var tool)) return missing;

        var created = tool.Config is null;
        var detail = Describe(tool, input.Target.Name, draft);
        tool.Config = draft.Config;
        await ReferAsync(db, tool, draft, ct);
        ConsumerSave.SealAndAudit(db, vault, actor, now, tool, [], detail);
        await write.CommitAsync(ct);
        return new SavedConsumer(tool.Id, tool.Name, tool.Revision, created);
    }

    // What is no name is not quoted: it may be a value in the wrong place.
    private static string Named(ConsumerTarget target) => Slug.IsValid(target.Name) ? target.Name : "without a name";

    private static IEnumerable<(string Place, string? Text)> Texts(Input input) =>
    [
        ("base_url", input.BaseUrl), ("body", input.Body), ("description", input.Target.Description),
        .. (input.Headers ?? []).Select(h => (HeaderRules.IsName(h.Key) && PlaintextDetector.Find(h.Key) is null ? "headers." + h.Key : "headers", (string?)(h.Key + "\n" + h.Value))),
        .. (input.Query ?? []).Select(q => ("query", (string?)(q.Key + "\n" + q.Value))),
    ];

    private static Problem? RefuseKind(string? kind) => kind switch
    {
        null or "http" => null,
        "mcp" => Problem.Invalid("kind", "MCP servers come later; today a tool is an HTTP service. Use kind \"http\" with the server's base URL."),
        _ => Problem.Invalid("kind", "Use kind \"http\". MCP servers come later."),
    };

    private static async Task<Problem?> RefusePlaceholdersAsync(AdminDb db, Guid workspaceId, ToolDraft draft, CancellationToken ct)
    {
        var names = draft.Placeholders.Select(p => p.Placeholder.Name).Distinct(StringComparer.Ordinal).ToList();
        var attached = draft.Config.Attached ?? [];
        names = [.. names.Union(attached, StringComparer.Ordinal)];
        if (names.Count == 0) return null;
        var known = await db.CredentialsFor(workspaceId).AsNoTracking().Where(c => names.Contains(c.Name))
            .Select(c => new { c.Name, c.Type, c.Injection, c.AllowInUrl, Fields = c.Versions.Where(v => v.State == VersionState.Active).SelectMany(v => v.Fields).Select(f => f.Name).ToList() })
            .ToDictionaryAsync(c => c.Name, ct);

        var unknown = names.FindAll(n => !known.ContainsKey(n));
        if (unknown.Count > 0)
        {
            var place = draft.Placeholders.FirstOrDefault(p => unknown.Contains(p.Placeholder.Name)).Place ?? ToolDraft.AttachedPlace;
            return ToolDraft.Detailed(place,
                $"Unknown placeholder {string.Join(", ", unknown.Select(n => Placeholder.Write(n)))}: this workspace has no credential of that name. Register it first, then save the tool.",
                ("unknown", unknown));
        }
        foreach (var (place, placeholder) in draft.Placeholders)
        {
            if (ToolDraft.IsInAddress(place) && !known[placeholder.Name].AllowInUrl)
                return ToolDraft.Detailed(place, $"{place}: The value of '{placeholder.Name}' may not stand in an address, which ends up in logs. Put it into a header or the body, or allow it on the credential (allow_in_url).",
                    ("credential", placeholder.Name), ("rule", Domain.Access.DenialWords.Rule(Domain.Access.Denial.PlaceNotAllowed)));
            var fields = known[placeholder.Name].Fields;
            // Without an active version there is nothing to compare with, and a session's fields are its cookies, which come and go with the site; the call says so then.
            if (fields.Count == 0 || known[placeholder.Name].Type == CredentialType.Cookie || fields.Contains(placeholder.Field ?? Credential.MainField)) continue;
            return ToolDraft.Detailed(place,
                $"{place}: the credential has no such field. Write {string.Join(" or ", fields.Order(StringComparer.Ordinal).Select(f => Placeholder.Write(placeholder.Name, f == Credential.MainField ? null : f)))}.",
                ("credential", placeholder.Name), ("fields", fields));
        }
        foreach (var name in attached)
        {
            var c = known[name];
            if (!IsAttachable(c.Type, c.Injection))
                return ToolDraft.Detailed(ToolDraft.AttachedPlace, $"'{name}' has no rules by which it travels. Give its fields a place on the credential, or write {Placeholder.Write(name)} where the value belongs.", ("credential", name));
            if (!c.AllowInUrl && c.Injection.Fields.Any(f => f.Place == FieldPlace.Query))
                return ToolDraft.Detailed(ToolDraft.AttachedPlace, $"'{name}' puts a field into the query, and addresses end up in logs. Allow that on the credential (allow_in_url), or move the field to a header.", ("credential", name));
        }
        return attached.Count(n => known[n].Injection.Signing != SigningScheme.None) > 1
            ? Problem.Invalid(ToolDraft.AttachedPlace, "Two of these credentials sign the request, and one signature would replace the other. Attach one of them.") : null;
    }

    /// <summary>Whether there is anything that a tool could attach it for.</summary>
    internal static bool IsAttachable(CredentialType type, Injection injection) =>
        type is CredentialType.OAuthToken or CredentialType.Cookie || injection.Signing != SigningScheme.None || injection.Fields.Any(f => f.Place != FieldPlace.None);

    private static async Task ReferAsync(AdminDb db, Consumer tool, ToolDraft draft, CancellationToken ct)
    {
        var wanted = draft.Placeholders.Select(p => (p.Placeholder.Name, p.Place)).Concat((draft.Config.Attached ?? []).Select(n => (Name: n, Place: ToolDraft.AttachedPlace))).ToHashSet();
        var old = await db.References.Where(r => r.ToolId == tool.Id).ToListAsync(ct);
        db.References.RemoveRange(old.Where(r => !wanted.Contains((r.CredentialName, r.Place))));
        db.References.AddRange(wanted.Where(w => !old.Exists(r => r.CredentialName == w.Name && r.Place == w.Place))
            .Select(w => new Reference { WorkspaceId = tool.WorkspaceId, ToolId = tool.Id, CredentialName = w.Name, Place = w.Place }));
    }

    /// <summary>What changed, by place; never what stands there.</summary>
    private static string Describe(Consumer tool, string oldName, ToolDraft draft)
    {
        var before = ByPlace(tool.Config);
        var after = ByPlace(draft.Config);
        var changed = after.Where(t => before.GetValueOrDefault(t.Key) != t.Value).Select(t => t.Key).Concat(before.Keys.Where(k => !after.ContainsKey(k)).Select(k => k + " removed")).ToList();
        if (tool.Config is not null && tool.Config.Method != draft.Config.Method) changed.Add("method");
        var credentials = draft.Placeholders.Select(p => p.Placeholder.Name).Concat(draft.Config.Attached ?? []).Distinct(StringComparer.Ordinal).ToList();
        List<string> said =
        [
            tool.Config is null ? "tool created" : "tool changed",
            .. tool.Name != oldName ? [$"renamed from {oldName}"] : Array.Empty<string>(),
            .. changed.Count > 0 && tool.Config is not null ? ["changed: " + string.Join(", ", changed)] : Array.Empty<string>(),
            $"to {new Uri(draft.Config.BaseUrl).IdnHost}",
            credentials.Count > 0 ? "credentials " + string.Join(", ", credentials) : "no credential",
        ];
        return string.Join("; ", said);
    }

    // Several credentials are attached at one place.
    private static Dictionary<string, string> ByPlace(ToolConfig? config) => config is null ? [] : config.Templates().GroupBy(t => t.Place).ToDictionary(g => g.Key, g => string.Join(' ', g.Select(t => t.Text)));
}
