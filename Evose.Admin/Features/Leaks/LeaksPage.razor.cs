using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Leaks;

/// <summary>A workspace's reports of leaks, and the box that checks a text. Which reports stands in the address.</summary>
public sealed partial class LeaksPage : AdminPage
{
    private static readonly IReadOnlyList<(string? Word, string Text)> Tabs = [(null, "All"), ("open", "Open"), ("contained", "Contained"), ("closed", "Closed")];

    private List<LeakListQuery.Row>? _rows;
    private string? _next;
    private bool _manages;
    private (string, string?)? _shown;

    [Inject] public required LeakListQuery Query { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [SupplyParameterFromQuery(Name = "state")] public string? State { get; set; }

    /// <summary>An unknown word in the address means all.</summary>
    private string? Shown => Tabs.FirstOrDefault(t => t.Word == State).Word;

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == (Ws, State)) return;
        _shown = (Ws, State);
        _rows = null;
        _manages = (await Authorizer.RightsAsync(Actor, Ws, Gone)).Allows(Permission.ManageCredentials);
        await LoadAsync();
    }

    private Task LoadAsync() => LoadAsync(null);

    private Task MoreAsync() => LoadAsync(_next);

    private async Task LoadAsync(string? cursor)
    {
        var outcome = await Query.RunAsync(Actor, Ws, new LeakListQuery.Filter(Shown, Cursor: cursor), Gone);
        Problem = outcome.Problem;
        if (outcome.Failed(out var problem, out var page))
        {
            if (problem.Kind == ProblemKind.NotFound) Navigation.NotFound();
            return;
        }
        _rows = [.. cursor is null ? [] : _rows ?? [], .. page.Data];
        _next = page.NextCursor;
    }
}
