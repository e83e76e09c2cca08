using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Consumers;

/// <summary>One agent or workflow, to read and to edit; without a name the form for a new one. The address says which kind.</summary>
public sealed partial class GroupPage : AdminPage
{
    private ConsumerDetailQuery.View? _view;
    private PickListQuery.View? _picks;
    private bool _manages;

    [Parameter] public string Ws { get; set; } = "";

    [Parameter] public string? Name { get; set; }

    [Inject] public required ConsumerDetailQuery Detail { get; init; }

    [Inject] public required PickListQuery Picks { get; init; }

    [Inject] public required DeleteConsumer Delete { get; init; }

    [Inject] public required IDialogService Dialogs { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    private ConsumerKind Kind => ConsumerWords.KindOf(Navigation.ToBaseRelativePath(Navigation.Uri));

    protected override async Task OnParametersSetAsync()
    {
        (Problem, _view) = (null, null);
        _manages = (await Authorizer.RightsAsync(Actor, Ws, Gone)).Allows(Permission.ManageConsumers);
        // What a role may not do does not exist for it.
        if (Name is null && !_manages) Problem = Problem.NotFound("page");
        else if ((await Picks.RunAsync(Actor, Ws, Gone)).Failed(out var problem, out _picks)) Problem = problem;
        else if (Name is not null) await LoadAsync(Name);
    }

    private async Task LoadAsync(string name)
    {
        if ((await Detail.RunAsync(Actor, Ws, Kind, name, Gone)).Failed(out var problem, out _view)) Problem = problem;
    }

    private async Task Saved(SavedConsumer saved)
    {
        Snackbar.Add(saved.Created ? $"{Kind.Capital()} {saved.Name} created." : $"{Kind.Capital()} {saved.Name} saved. New calls obey it from now on.", Severity.Success);
        if (saved.Name == Name) await LoadAsync(saved.Name);
        else Navigation.NavigateTo(Kind.Url(Ws, saved.Name));
    }

    private async Task DeleteAsync()
    {
        if (!await DeleteConsumerDialog.ConfirmAsync(Dialogs, _view!)) return;
        if (Succeeded(await Delete.ExecuteAsync(Actor, Ws, new DeleteConsumer.Input(Kind, _view!.Name, _view.Revision), Gone), $"{Kind.Capital()} {_view.Name} deleted."))
            Navigation.NavigateTo(Kind.ListUrl(Ws));
    }
}
