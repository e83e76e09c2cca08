using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Leaks;

/// <summary>The playbook of one leak. It has no state of its own: it shows what the rows say is done, in every browser, whoever did it.</summary>
public sealed partial class LeakPage : AdminPage
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(4);

    private LeakDetailQuery.View? _view;
    private bool _manages, _audits;
    private (string, Guid)? _shown;

    [Inject] public required LeakDetailQuery Query { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [Parameter] public Guid Leak { get; set; }

    private string Subtitle => _view!.Report.State switch
    {
        LeakState.Open when _view.Report.Credential is null => "Find out whose value it is. Then the report leads through what to do.",
        LeakState.Open => $"Version {_view.Report.Version} is in use. Follow the steps; each is remembered with who did it.",
        LeakState.Contained => "The leaked version is out of use here. Look at what it opened, then close the report.",
        LeakState.Closed => _view.Report.Resolution?.Sentence() + ".",
    };

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == (Ws, Leak)) return;
        _shown = (Ws, Leak);
        var rights = await Authorizer.RightsAsync(Actor, Ws, Gone);
        (_manages, _audits) = (rights.Allows(Permission.ManageCredentials), rights.Allows(Permission.ViewAudit));
        await LoadAsync();
    }

    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender) _ = FollowAsync();
    }

    // As the wizard does: another person's step shows here without a reload.
    private async Task FollowAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(Pace, Clock);
            while (await timer.WaitForNextTickAsync(Gone))
                await InvokeAsync(async () =>
                {
                    await LoadAsync();
                    StateHasChanged();
                });
        }
        catch (OperationCanceledException)
        {
            // The page was left.
        }
        catch (Exception e)
        {
            await DispatchExceptionAsync(e);
        }
    }

    private async Task LoadAsync()
    {
        var outcome = await Query.RunAsync(Actor, Ws, Leak, Gone);
        Problem = outcome.Problem;
        if (!outcome.Failed(out var problem, out var view)) _view = view;
        else if (problem.Kind == ProblemKind.NotFound)
        {
            if (await Query.PlaceOfAsync(Actor, Leak, Gone) is { } now && now != Ws) Navigation.NavigateTo(Urls.Leak(now, Leak), replace: true);
            else Navigation.NotFound();
        }
    }
}
