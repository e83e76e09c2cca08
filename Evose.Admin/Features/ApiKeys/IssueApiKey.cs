using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>Issues a layer-1 key. Its text is in the answer and nowhere else; nobody can issue a key that may more than they may.</summary>
public sealed class IssueApiKey(IDbContextFactory<AdminDb> dbs, ApiKeyGate gate, SecretVault vault, TimeProvider clock)
{
    public const int MaxNameLength = 120;
    public const int MaxWorkspaces = 50;

    /// <summary>When a key ends. The default is 90 days; to say "never" is a decision of its own.</summary>
    public sealed record Term(DateTimeOffset? At)
    {
        public static readonly Term Never = new((DateTimeOffset?)null);
    }

    /// <param name="Workspaces">Slugs; null reaches all.</param>
    /// <param name="Agent">Name of the one agent that the key is; it lives in the one workspace named.</param>
    /// <param name="Ends">Null: after 90 days.</param>
    public sealed record Input(string? Name, IReadOnlyList<string?>? Scopes, IReadOnlyList<string?>? Workspaces = null, string? Agent = null, Term? Ends = null);

    public async Task<Outcome<IssuedKey>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        if (Refuse(input) is { } wrong) return wrong;
        List<string> scopes = [.. ApiKeyScopes.Known.Where(s => input.Scopes!.Contains(s))];
        List<string>? slugs = input.Workspaces is null ? null : [.. input.Workspaces.Distinct().Select(w => w!)];
        if ((await gate.AuthorizeIssueAsync(actor, scopes, slugs, ct)).Failed(out var refused, out var grant)) return refused;

        var now = clock.GetUtcNow();
        var ends = input.Ends is null ? now + IssuePolicy.DefaultLife : input.Ends.At;
        if (RefuseEnd(ends, grant.MayLastForever, now) is { } badEnd) return badEnd;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        (Guid Id, string Name)? agent = null;
        if (input.Agent is { } name)
        {
            var home = grant.Workspaces![0].Id;
            var id = await db.Consumers.Where(c => c.WorkspaceId == home && c.Kind == ConsumerKind.Agent && c.Name == name && c.DeletedAt == null).Select(c => (Guid?)c.Id).SingleOrDefaultAsync(ct);
            if (id is null) return Problem.Invalid("agent", $"There is no such agent in '{grant.Workspaces[0].Slug}'. Name one that lives there, or leave it out.");
            agent = (id.Value, name);
        }
        if (grant.BoundAgent is { } bound && agent?.Id != bound) return Problem.Forbidden("scope", "The key you use is bound to an agent, so a key that it issues is bound to the same agent. Name it.");

        var issued = IssuedKey.Draw(db, vault, actor, now, input.Name!.Trim(), scopes, grant.Workspaces, agent, ends);
        await write.CommitAsync(ct);
        return issued;
    }

    private static Problem? Refuse(Input input)
    {
        if (FreeText.Refuse(input.Name, MaxNameLength, required: true) is { } why) return Problem.Invalid("name", why);
        if (input.Scopes is not { Count: > 0 }) return Problem.Invalid("scopes", $"Name at least one scope: {string.Join(", ", ApiKeyScopes.Known)}.");
        if (input.Scopes.Any(s => s is null || !ApiKeyScopes.Known.Contains(s))) return Problem.Invalid("scopes", $"There is a scope that does not exist. Choose from {string.Join(", ", ApiKeyScopes.Known)}.");
        if (input.Workspaces is { Count: 0 or > MaxWorkspaces }) return Problem.Invalid("workspaces", $"Name 1 to {MaxWorkspaces} workspaces, or leave the list out for all of them.");
        if (input.Workspaces?.Any(w => !Slug.IsValid(w)) == true) return Problem.Invalid("workspaces", "Name workspaces by their slug. " + Slug.Rule);
        if (input.Agent is null) return null;
        if (!Slug.IsValid(input.Agent)) return Problem.Invalid("agent", "Name the agent as it is named in its workspace. " + Slug.Rule);
        return input.Workspaces?.Distinct().Count() == 1 ? null : Problem.Invalid("agent", "A key for an agent reaches exactly one workspace: the one the agent lives in. Name it in workspaces.");
    }

    internal static Problem? RefuseEnd(DateTimeOffset? ends, bool mayLastForever, DateTimeOffset now)
    {
        if (ends <= now) return Problem.Invalid("expires_at", "This moment is past. Choose one in the future.");
        if (mayLastForever || ends <= now + IssuePolicy.LongestLife) return null;
        return Problem.Invalid("expires_at", "Only an organization admin issues a key that lasts longer than a year. Choose an earlier end.");
    }
}
