using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Credentials;

/// <summary>Would this tool, as this agent or workflow, get the credential? The same rules over the same facts that the broker decides by, for a key that may call tools here.</summary>
public sealed class AccessQuery(IDbContextFactory<AdminDb> dbs, Authorizer authorizer, CredentialCatalog catalog, TimeProvider clock)
{
    /// <param name="Tool">Null asks for every tool that references the credential.</param>
    /// <param name="UserId">Kept in the answer; which end user a call is for limits nothing today.</param>
    public sealed record Question(string? Tool, string? Agent, string? Workflow, string? UserId);

    /// <summary>The rule for one credential of a tool.</summary>
    public sealed record Verdict(string Credential, bool Allowed, string Rule, string Message);

    /// <summary>What one tool would meet.</summary>
    /// <param name="Referenced">False: the tool has no placeholder for the credential, so it would not use it.</param>
    /// <param name="Credentials">Every credential of the tool's templates, the asked one first.</param>
    public sealed record ToolVerdict(string Tool, bool Referenced, bool Allowed, string Rule, string Message, IReadOnlyList<Verdict> Credentials);

    /// <param name="Rule">The rule that decided about the credential.</param>
    public sealed record View(string Credential, string? Tool, string? Agent, string? Workflow, string? UserId, bool Allowed, string Rule, string Message, IReadOnlyList<ToolVerdict> Tools);

    public async Task<Outcome<View>> RunAsync(Actor actor, string workspaceSlug, string name, Question asked, CancellationToken ct)
    {
        if ((await authorizer.AuthorizeAsync(actor, workspaceSlug, Permission.View, ct)).Failed(out var refused, out var workspace)) return refused;
        foreach (var (field, text) in new[] { ("tool", asked.Tool), ("agent", asked.Agent), ("workflow", asked.Workflow), ("user_id", asked.UserId) })
            if (FreeText.Refuse(text, 200) is { } why) return Problem.Invalid(field, why);
        await using (var db = await dbs.CreateDbContextAsync(ct))
            if (await CredentialRows.IdAsync(db, workspace!.Id, name, ct) is null) return Problem.NotFound("credential");

        var snapshot = await catalog.CurrentAsync(ct);
        var tools = !string.IsNullOrEmpty(asked.Tool) ? [asked.Tool]
            : snapshot.ConsumersById.Values.Where(c => (c.WorkspaceId == workspace.Id || (workspace.IsOrganization && snapshot.CredentialsById.Values.Any(x => x.Name == name && x.WorkspaceId == workspace.Id && x.Grants.Contains(c.WorkspaceId)))) && c.Request?.Credentials.Contains(name) == true)
                .Select(c => workspace.IsOrganization ? $"{snapshot.Workspaces.Values.First(w => w.Id == c.WorkspaceId).Slug}/{c.Name}" : c.Name).Order(StringComparer.Ordinal).Take(100).ToList();
        var verdicts = tools.ConvertAll(tool => Explain(snapshot, workspace.Id, name, tool, asked, clock.GetUtcNow()));
        var answer = verdicts.Find(v => v.Allowed) ?? (verdicts.Count > 0 ? verdicts[0] : null);
        return new View(name, Kept(asked.Tool), Kept(asked.Agent), Kept(asked.Workflow), Kept(asked.UserId), answer?.Allowed ?? false,
            answer?.Rule ?? "not_referenced", answer?.Message ?? "No tool references this credential, so nothing would use it.", verdicts);
    }

    private static ToolVerdict Explain(CatalogSnapshot snapshot, Guid workspaceId, string credential, string toolName, Question asked, DateTimeOffset now)
    {
        // In the organization every name says its workspace, and the tool's is the one that the call is made in.
        if (workspaceId == Workspace.OrganizationId && toolName.Split('/') is [var slug, _] && snapshot.Workspaces.GetValueOrDefault(slug) is { } place) (workspaceId, asked) = (place.Id, new Question(Own(toolName), Own(asked.Agent), Own(asked.Workflow), asked.UserId));
        var tool = snapshot.Find(workspaceId, ConsumerKind.Tool, toolName[(toolName.IndexOf('/', StringComparison.Ordinal) + 1)..]);
        string? Own(string? text) => text is not null && text.Split('/') is [var whose, var name] && whose == toolName.Split('/')[0] ? name : text;
        var referenced = tool?.Request?.Credentials.Contains(credential) == true;
        var names = (tool?.Request?.Credentials ?? []).Where(n => n != credential).Prepend(credential).ToList();
        var verdicts = names.ConvertAll(n => Decide(snapshot, workspaceId, tool, n, asked, now));
        return new ToolVerdict(toolName, referenced, verdicts[0].Allowed, verdicts[0].Rule, verdicts[0].Message, verdicts);
    }

    private static Verdict Decide(CatalogSnapshot snapshot, Guid workspaceId, CatalogConsumer? tool, string credential, Question asked, DateTimeOffset now)
    {
        var found = snapshot.Find(workspaceId, credential);
        var agent = Find(snapshot, workspaceId, ConsumerKind.Agent, asked.Agent);
        var workflow = Find(snapshot, workspaceId, ConsumerKind.Workflow, asked.Workflow);
        if (tool is { Tampered: true } || agent.Row is { Tampered: true } || workflow.Row is { Tampered: true })
            return new Verdict(credential, false, Denial.PolicyTampered.Rule(), "The tool, agent or workflow was changed outside the app, so it is not obeyed. Save it again after looking into it.");
        CredentialFacts[] facts =
        [
            new(credential, found?.IsFor(workspaceId) == false ? found.WorkspaceId : workspaceId, found is not null, found is { Tampered: false }, found?.Active is not null, found?.Scope ?? Domain.Credentials.Scope.Of([]),
                tool?.Request is { } request && found?.Destinations.Allows(request.Base) == true, tool?.Request is { } put && found?.MayStandIn(put) == true),
        ];
        var decision = AccessPolicy.Decide(new AccessQuestion { Key = AnyKey, WorkspaceId = workspaceId, Tool = tool?.Facts, Agent = agent.Named, Workflow = workflow.Named, Credentials = facts }, now);
        if (decision.IsAllowed && snapshot.IsBlocked(found!, now)) return new Verdict(credential, false, Denial.UpdateForced.Rule(), Denial.UpdateForced.Sentence());
        if (decision.IsAllowed && found is { Frozen: true }) return new Verdict(credential, false, Denial.CredentialFrozen.Rule(), Denial.CredentialFrozen.Sentence());
        return new Verdict(credential, decision.IsAllowed, decision.Rule, decision.Sentence);
    }

    private static (Named Named, CatalogConsumer? Row) Find(CatalogSnapshot snapshot, Guid workspaceId, ConsumerKind kind, string? name) =>
        string.IsNullOrEmpty(name) ? (Named.Nobody, null) : snapshot.Find(workspaceId, kind, name) is { } row ? (Named.As(row.Facts), row) : (Named.Unknown, null);

    private static string? Kept(string? text) => string.IsNullOrEmpty(text) ? null : text;

    // The question is about the credential; about keys, each key's own page answers.
    private static readonly ApiKey AnyKey = new() { Scopes = [ApiKeyScopes.ToolInvoke] };
}
