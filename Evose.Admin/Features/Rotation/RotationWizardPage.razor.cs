using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Rotation;

/// <summary>The frame of the four steps. It has no state of its own: it shows the step that the rows imply, in every browser, and follows when somebody moves it.</summary>
public sealed partial class RotationWizardPage : AdminPage
{
    private static readonly TimeSpan Pace = TimeSpan.FromSeconds(2);

    private RotationQuery.View? _view;
    private ImpactQuery.View? _impact;
    private ProviderQuery.View? _provider;
    private bool _mayManage;
    private string? _news;
    private (string, string, string?)? _shown;

    [Inject] public required RotationQuery Query { get; init; }

    [Inject] public required ImpactQuery ImpactOf { get; init; }

    [Inject] public required ProviderQuery ProviderOf { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [Parameter] public string Name { get; set; } = "";

    /// <summary>Id of a rotation that ended, to show how.</summary>
    [SupplyParameterFromQuery(Name = "finished")] public string? Finished { get; set; }

    /// <summary>True once the new key exists at the provider; only between steps 1 and 2, where no row can say so.</summary>
    [SupplyParameterFromQuery(Name = "have_key")] public bool HaveKey { get; set; }

    private bool IsFinished => FinishedId is not null && _view?.Rotation is { IsOpen: false };

    private Guid? FinishedId => Guid.TryParse(Finished, out var id) ? id : null;

    private int Step => IsFinished ? 4 : _view!.Step == 1 && HaveKey ? 2 : _view.Step;

    private string StepTitle => RotationStepper.Titles[Step - 1];

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == (Ws, Name, Finished)) return;
        _shown = (Ws, Name, Finished);
        var rights = await Authorizer.RightsAsync(Actor, Ws, Gone);
        _mayManage = rights.Allows(Permission.ManageCredentials);
        await ReadAsync();
        if (_view is not null && !(await ImpactOf.RunAsync(Actor, Ws, Name, Gone)).Failed(out _, out var impact)) _impact = impact;
        if (_view is not null && !(await ProviderOf.RunAsync(Actor, Ws, Name, Gone)).Failed(out _, out var provider)) _provider = provider;
    }

    protected override void OnAfterRender(bool firstRender)
    {
        if (firstRender) _ = FollowAsync();
    }

    // Open pages follow by asking: a push that is lost would leave a page that lies.
    private async Task FollowAsync()
    {
        try
        {
            using var timer = new PeriodicTimer(Pace, Clock);
            while (await timer.WaitForNextTickAsync(Gone)) await InvokeAsync(RefreshAsync);
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

    private async Task RefreshAsync()
    {
        var before = _view;
        await ReadAsync();
        if (before is not null && _view is not null && Moved(before, _view)) _news = News(_view);
        StateHasChanged();
    }

    /// <summary>After a move made on this page: no news to its maker.</summary>
    private async Task MovedAsync()
    {
        _news = null;
        await ReadAsync();
        StateHasChanged();
    }

    private async Task ReadAsync()
    {
        var outcome = await Query.RunAsync(Actor, Ws, Name, FinishedId, Gone);
        if (outcome.Failed(out var problem, out var view))
        {
            Problem = problem;
            if (problem.Kind is ProblemKind.NotFound or ProblemKind.Forbidden) Navigation.NotFound();
            return;
        }
        // The rotation that this page showed is over: its end gets an address of its own.
        var ended = _view?.Rotation is { IsOpen: true } open && view.Rotation?.Id == open.Id && !view.Rotation.IsOpen;
        (Problem, _view) = (null, view);
        if (ended) Navigation.NavigateTo($"{Urls.Rotate(Ws, Name)}?finished={view.Rotation!.Id}", replace: true);
        else if (HaveKey && view.Step > 1) Navigation.NavigateTo(Urls.Rotate(Ws, Name), replace: true);
    }

    private static bool Moved(RotationQuery.View before, RotationQuery.View now) =>
        before.Rotation?.Id != now.Rotation?.Id || before.Rotation?.State != now.Rotation?.State || before.Step != now.Step || before.Pending?.VerifiedAt != now.Pending?.VerifiedAt;

    private static string News(RotationQuery.View view) => view.LastMove is not { } move ? "This rotation was moved elsewhere." : move.Action switch
    {
        AuditAction.RotationStarted => $"{move.By} entered a new value.",
        AuditAction.RotationVerified => $"{move.By} checked the new value.",
        AuditAction.RotationPromoted => $"{move.By} swapped: version {view.Active?.Number} is in use now.",
        AuditAction.RotationRolledBack => $"{move.By} rolled back: version {view.Active?.Number} is in use again.",
        AuditAction.RotationRetired => $"{move.By} retired the old version.",
        AuditAction.RotationDiscarded => $"{move.By} discarded the new value.",
        _ => $"{move.By} moved this rotation.",
    };
}
