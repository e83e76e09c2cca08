using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Rotation;

/// <summary>The list of rotations; which ones, and from where on, stands in the address.</summary>
public sealed partial class RotationsPage : AdminPage
{
    private static readonly IReadOnlyList<(RotationListQuery.Filter Filter, string Text)> Tabs =
        [(RotationListQuery.Filter.All, "All"), (RotationListQuery.Filter.Open, "Open"), (RotationListQuery.Filter.Held, "Held"), (RotationListQuery.Filter.Done, "Done")];

    private Page<RotationListQuery.Row>? _page;
    private (string, string?, string?, string?)? _shown;

    [Inject] public required RotationListQuery Query { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [SupplyParameterFromQuery(Name = "state")] public string? State { get; set; }

    [SupplyParameterFromQuery(Name = "q")] public string? Search { get; set; }

    [SupplyParameterFromQuery(Name = "after")] public string? After { get; set; }

    /// <summary>An unknown word in the address means all.</summary>
    private RotationListQuery.Filter Shown => Tabs.FirstOrDefault(t => string.Equals(t.Filter.ToString(), State, StringComparison.OrdinalIgnoreCase)).Filter;

    private bool Filtered => Shown != RotationListQuery.Filter.All || !string.IsNullOrWhiteSpace(Search) || After is not null;

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == (Ws, State, Search, After)) return;
        _shown = (Ws, State, Search, After);
        var outcome = await Query.RunAsync(Actor, Ws, Shown, Search, After, Gone);
        Problem = outcome.Problem;
        if (!outcome.Failed(out var problem, out var page)) _page = page;
        else if (problem.Kind is ProblemKind.NotFound or ProblemKind.Forbidden) Navigation.NotFound();
    }

    private string Address(RotationListQuery.Filter filter, string? search, string? after)
    {
        List<string> parts = [];
        if (filter != RotationListQuery.Filter.All) parts.Add($"state={filter.ToString().ToLowerInvariant()}");
        if (!string.IsNullOrWhiteSpace(search)) parts.Add($"q={Uri.EscapeDataString(search)}");
        if (after is not null) parts.Add($"after={Uri.EscapeDataString(after)}");
        return parts.Count == 0 ? Urls.Rotations(Ws) : $"{Urls.Rotations(Ws)}?{string.Join('&', parts)}";
    }

    private string Link(RotationListQuery.Row row) => row.EndedAt is null ? Urls.Rotate(Ws, row.Credential) : $"{Urls.Rotate(Ws, row.Credential)}?finished={row.Id}";

    private static string Chip(RotationState state) => state switch
    {
        RotationState.Pending => "pending",
        RotationState.Grace => "retiring",
        RotationState.Retired => "ok",
        RotationState.RolledBack or RotationState.Discarded => "plain",
    };

    private static string Text(RotationState state) => state switch
    {
        RotationState.Pending => "new value waits",
        RotationState.Grace => "grace period",
        RotationState.Retired => "done",
        RotationState.RolledBack => "rolled back",
        RotationState.Discarded => "discarded",
    };

    private static string Holds(string? names) => string.Join(' ', Enum.GetValues<RetireHold>().Where(h => names?.Split(',').Contains(h.Name()) == true).Select(h => h.Sentence()));
}
