using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Credentials;

/// <summary>The newest calls of a credential, on demand kept fresh.</summary>
public sealed partial class CallsTab : AdminPage
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(3);
    private static readonly int[] Counts = [25, 100, 500];
    private Page<RecentCallsQuery.Row>? _page;
    private string? _loaded;
    private bool _live;

    [Inject] public required RecentCallsQuery Calls { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    [Parameter, EditorRequired] public string Ws { get; set; } = "";

    [Parameter, EditorRequired] public string Name { get; set; } = "";

    [Parameter] public string? Outcome { get; set; }

    [Parameter] public string? Last { get; set; }

    private int Count => int.TryParse(Last, out var n) && Counts.Contains(n) ? n : Counts[0];

    protected override async Task OnParametersSetAsync()
    {
        var wanted = $"{Ws}/{Name}?{Outcome}&{Count}";
        if (_loaded == wanted) return;
        _loaded = wanted;
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        var outcome = await Calls.RunAsync(Actor, Ws, Name, new RecentCallsQuery.Filter(Outcome, Count), Gone);
        Problem = outcome.Problem;
        if (outcome.Value is { } page) _page = page;
    }

    private async Task OlderAsync()
    {
        _live = false;
        var outcome = await Calls.RunAsync(Actor, Ws, Name, new RecentCallsQuery.Filter(Outcome, Count, _page!.NextCursor), Gone);
        if (Succeeded(outcome)) _page = outcome.Value;
    }

    private void Go(string? outcome, string? last) => Navigation.NavigateTo(Navigation.GetUriWithQueryParameters(Urls.Credential(Ws, Name), new Dictionary<string, object?>
    {
        ["tab"] = "calls",
        ["outcome"] = string.IsNullOrEmpty(outcome) ? null : outcome,
        ["last"] = string.IsNullOrEmpty(last) ? null : last,
    }));

    private void Follow(bool live)
    {
        var was = _live;
        _live = live;
        if (live && !was) _ = FollowAsync();
    }

    private async Task FollowAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(Pace, Clock);
            while (_live && await timer.WaitForNextTickAsync(Gone) && _live)
            {
                await InvokeAsync(async () =>
                {
                    await LoadAsync();
                    StateHasChanged();
                });
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The page was left.
        }
        catch (Exception e)
        {
            await DispatchExceptionAsync(e);
        }
    }
}
