using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Who may use a credential, by name, as people and programs say it.</summary>
public sealed record ScopeNames(IReadOnlyList<string>? Tools = null, IReadOnlyList<string>? Agents = null, IReadOnlyList<string>? Workflows = null)
{
    public const int MaxMembers = 500;

    /// <summary>The living consumers that the names mean, of a credential of the organization as <c>workspace/name</c>; unknown ones are refused together, each by kind and name.</summary>
    internal async Task<Outcome<IReadOnlyList<Consumer>>> ResolveAsync(AdminDb db, Guid workspaceId, IReadOnlyDictionary<string, Guid> grants, CancellationToken ct)
    {
        if (workspaceId == Workspace.OrganizationId) return await ResolveGrantedAsync(db, grants, ct);
        var wanted = Of(ConsumerKind.Tool, Tools).Concat(Of(ConsumerKind.Agent, Agents)).Concat(Of(ConsumerKind.Workflow, Workflows)).Distinct().ToList();
        if (wanted.Count > MaxMembers) return Problem.Invalid("scope", $"The scope is too long: at most {MaxMembers} members.");
        if (wanted.Count == 0) return Outcome<IReadOnlyList<Consumer>>.Of([]);

        var names = wanted.Select(w => w.Name).Where(Slug.IsValid).Distinct().ToList();
        var found = await db.Consumers.Where(c => c.WorkspaceId == workspaceId && c.DeletedAt == null && names.Contains(c.Name)).ToListAsync(ct);
        var members = found.Where(c => wanted.Contains((c.Kind, c.Name))).ToList();
        if (members.Count == wanted.Count) return members;

        // What is no name is not quoted: it may be a value in the wrong place.
        var unknown = wanted.Where(w => !members.Exists(m => (m.Kind, m.Name) == w)).Select(w => $"{w.Kind.Wire()} {(Slug.IsValid(w.Name) ? w.Name : "(not a name)")}").Distinct().ToList();
        return new Problem(ProblemKind.Invalid, "INVALID_REQUEST",
            $"Not registered in this workspace: {string.Join(", ", unknown.Take(20))}{(unknown.Count > 20 ? " …" : "")}. Register them first, or leave them out and add them to the scope later.",
            new Dictionary<string, object?> { ["field"] = "scope", ["unknown"] = unknown });
    }

    private async Task<Outcome<IReadOnlyList<Consumer>>> ResolveGrantedAsync(AdminDb db, IReadOnlyDictionary<string, Guid> grants, CancellationToken ct)
    {
        var wanted = Of(ConsumerKind.Tool, Tools).Concat(Of(ConsumerKind.Agent, Agents)).Concat(Of(ConsumerKind.Workflow, Workflows)).Distinct().ToList();
        if (wanted.Count > MaxMembers) return Problem.Invalid("scope", $"The scope is too long: at most {MaxMembers} members.");
        var places = grants.Values.ToList();
        var names = wanted.Select(w => Split(w.Name).Name).Where(Slug.IsValid).Distinct().ToList();
        var found = wanted.Count == 0 ? [] : await db.Consumers.Where(c => places.Contains(c.WorkspaceId) && c.DeletedAt == null && names.Contains(c.Name)).ToListAsync(ct);
        var members = new List<Consumer>();
        var unknown = new List<string>();
        foreach (var (kind, text) in wanted)
        {
            var (slug, name) = Split(text);
            if (grants.TryGetValue(slug, out var place) && found.Find(c => c.Kind == kind && c.WorkspaceId == place && c.Name == name) is { } member) members.Add(member);
            else unknown.Add($"{kind.Wire()} {(Slug.IsValid(slug) && Slug.IsValid(name) ? text : "(not workspace/name)")}");
        }
        return unknown.Count == 0 ? members : new Problem(ProblemKind.Invalid, "INVALID_REQUEST",
            $"Not registered in a workspace that it is granted to: {string.Join(", ", unknown.Take(20))}{(unknown.Count > 20 ? " …" : "")}. Write workspace/name, such as cs/gpt-call, and grant the workspace.",
            new Dictionary<string, object?> { ["field"] = "scope", ["unknown"] = unknown });
    }

    private static (string Slug, string Name) Split(string text) => text.Split('/') is [var slug, var name] ? (slug, name) : ("", text);

    /// <summary>Hosts of the tools' base addresses, for a credential that was given none. A tool that was changed behind the app's back names no host.</summary>
    internal static async Task<Outcome<IReadOnlyList<string>>> HostsAsync(AdminDb db, SecretVault vault, IReadOnlyList<Consumer> members, CancellationToken ct)
    {
        var hosts = new List<string>();
        foreach (var tool in members.Where(m => m.Config is not null))
        {
            if (!await PolicyCheck.IsIntactAsync(db, vault, tool, [], ct))
                return Problem.Conflict($"The tool {tool.Name} was changed outside the app. Save it again after looking into it, or name the allowed hosts here.", "tampered");
            if (HostOf(tool.Config!.BaseUrl) is { } host && !hosts.Contains(host)) hosts.Add(host);
        }
        return DestinationPolicy.Normalize(hosts.Take(DestinationPolicy.MaxEntries));
    }

    /// <summary>Host, and port when it is not the scheme's own; null for what is no http(s) address.</summary>
    internal static string? HostOf(string baseUrl)
    {
        if (!Uri.TryCreate(baseUrl, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp)) return null;
        var host = uri.HostNameType == UriHostNameType.IPv6 ? $"[{uri.IdnHost}]" : uri.IdnHost;
        return uri.IsDefaultPort ? host : $"{host}:{uri.Port}";
    }

    private static IEnumerable<(ConsumerKind Kind, string Name)> Of(ConsumerKind kind, IReadOnlyList<string>? names) => (names ?? []).Select(n => (kind, n ?? ""));
}

/// <summary>The words for kinds of consumers.</summary>
internal static class ConsumerWords
{
    public static string Wire(this ConsumerKind kind) => kind switch
    {
        ConsumerKind.Tool => "tool",
        ConsumerKind.Agent => "agent",
        ConsumerKind.Workflow => "workflow",
    };
}
