using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Consumers;

/// <summary>The tools, agents or workflows of a workspace; the address says which.</summary>
public sealed partial class ConsumerListPage : AdminPage
{
    private const int PageSize = 50;

    private Page<ConsumerListQuery.Row>? _page;
    private bool _manages;

    [Parameter] public string Ws { get; set; } = "";

    [SupplyParameterFromQuery] public string? Q { get; set; }

    [SupplyParameterFromQuery] public string? Cursor { get; set; }

    [Inject] public required ConsumerListQuery List { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    private ConsumerKind Kind => ConsumerWords.KindOf(Navigation.ToBaseRelativePath(Navigation.Uri));

    private string Subtitle => Kind switch
    {
        ConsumerKind.Tool => "Each tool is an HTTP service that is reached through the broker, with credentials put in on the way.",
        ConsumerKind.Agent => "Who acts. An agent calls tools; a credential's scope can name it.",
        ConsumerKind.Workflow => "What acts in steps. A workflow calls tools itself or through agents; a credential's scope can name it.",
    };

    private string Hint => Kind switch
    {
        ConsumerKind.Tool => "Create one with the address of a service and, where its key belongs, the placeholder of a credential.",
        ConsumerKind.Agent => "Create one under the name that your agent sends in X-Evose-Agent.",
        ConsumerKind.Workflow => "Create one under the name that your workflow sends in X-Evose-Workflow.",
    };

    protected override async Task OnParametersSetAsync()
    {
        (_page, Problem) = (null, null);
        _manages = (await Authorizer.RightsAsync(Actor, Ws, Gone)).Allows(Permission.ManageConsumers);
        var outcome = await List.RunAsync(Actor, Ws, new ConsumerListQuery.Input(Kind, Q, PageSize, Cursor), Gone);
        if (outcome.Failed(out var problem, out _page)) Problem = problem;
    }

    private void Search(string? text) =>
        Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(new Dictionary<string, object?> { ["q"] = string.IsNullOrWhiteSpace(text) ? null : text.Trim(), ["cursor"] = null }), replace: true);

    private string PageUrl(string? cursor) => Navigation.GetUriWithQueryParameter("cursor", cursor);

    private static string Uses(ConsumerListQuery.Row row)
    {
        var names = row.Agents.Select(a => "agent " + a).Concat(row.Tools).ToList();
        return names.Count == 0 ? "anything (declares nothing)" : string.Join(", ", names.Take(4)) + (names.Count > 4 ? $" and {names.Count - 4} more" : "");
    }
}
