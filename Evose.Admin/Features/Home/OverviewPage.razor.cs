using Evose.Admin.Domain.Calls;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Evose.Admin.Features.Home;

/// <summary>The first page of a workspace.</summary>
public sealed partial class OverviewPage : AdminPage
{
    private OverviewQuery.View? _view;
    private string? _shown;
    private bool _known;
    private bool _showSteps;

    [Parameter] public string Ws { get; set; } = "";

    [Inject] public required OverviewQuery Overview { get; init; }

    [Inject] public required IJSRuntime Js { get; init; }

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Ws) return;
        (_shown, _view, Problem, _known, _showSteps) = (Ws, null, null, false, false);
        var outcome = await Overview.RunAsync(Actor, Ws, Gone);
        (Problem, _view) = (outcome.Problem, outcome.Value);
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (_known || _view?.Steps is not { } steps) return;
        _known = true;
        // Hidden is a matter of this browser; a list that is done goes by itself.
        _showSteps = steps.Any(s => !s.Done) && await Js.InvokeAsync<string?>("evose.recall", Gone, "checklist." + Ws) != "hidden";
        StateHasChanged();
    }

    private Task HideAsync() => RememberAsync(false);

    private Task ShowAsync() => RememberAsync(true);

    private async Task RememberAsync(bool show)
    {
        _showSteps = show;
        await Js.InvokeVoidAsync("evose.remember", Gone, "checklist." + Ws, show ? "shown" : "hidden");
    }

    internal static string ErrorShare(OverviewQuery.CallTile calls) => calls switch
    {
        { Calls: 0 } => "none yet",
        { Errors: 0 } => "no errors",
        _ => $"{100.0 * calls.Errors / calls.Calls:0.#} % ended in an error",
    };

    internal static string Habits(OverviewQuery.HygieneTile hygiene) => hygiene switch
    {
        { LookedAt: null } => "not looked at yet",
        { Score.Subjects: 0 } => "nothing to judge yet",
        { Score.Open.All: 0 } => "no finding is open",
        { Score.Open: var open } => string.Join(" · ", new[] { (open.High, "high"), (open.Medium, "medium"), (open.Low, "low") }.Where(s => s.Item1 > 0).Select(s => $"{s.Item1:N0} {s.Item2}")),
    };

    private static string Words(OverviewQuery.CallRow call) => call.Outcome switch
    {
        CallOutcome.Succeeded or CallOutcome.UpstreamError => $"{call.Status}",
        var outcome => outcome.Wire(),
    };

    private static string Took(long? microseconds) => microseconds switch
    {
        null => "–",
        < 1_000_000 => $"{microseconds / 1000.0:0} ms",
        _ => $"{microseconds / 1_000_000.0:0.0} s",
    };
}
