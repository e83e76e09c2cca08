using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Consumers;

/// <summary>One tool, to read and to edit; without a name the form for a new one.</summary>
public sealed partial class ToolPage : AdminPage
{
    private ConsumerDetailQuery.View? _tool;
    private PickListQuery.View? _picks;
    private bool _manages;
    private bool _scopes;

    [Parameter] public string Ws { get; set; } = "";

    [Parameter] public string? Name { get; set; }

    [SupplyParameterFromQuery] public bool Edit { get; set; }

    [Inject] public required ConsumerDetailQuery Detail { get; init; }

    [Inject] public required PickListQuery Picks { get; init; }

    [Inject] public required AddToScope AddScope { get; init; }

    [Inject] public required DeleteConsumer Delete { get; init; }

    [Inject] public required IDialogService Dialogs { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    private bool IsEditing => Edit && _manages;

    private string EditUrl => Urls.Tool(Ws, Name!) + "?edit=true";

    private string Host => Uri.TryCreate(_tool?.Config?.BaseUrl, UriKind.Absolute, out var uri) ? uri.IdnHost : "";

    private HashSet<string> Missing => [.. _tool!.Credentials.Where(c => c.Status is null).Select(c => c.Name)];

    protected override async Task OnParametersSetAsync()
    {
        Problem = null;
        var rights = await Authorizer.RightsAsync(Actor, Ws, Gone);
        (_manages, _scopes) = (rights.Allows(Permission.ManageConsumers), rights.Allows(Permission.ManageCredentials));
        // What a role may not do does not exist for it.
        if (Name is null && !_manages) Problem = Problem.NotFound("page");
        if (Problem is null && (Name is null || Edit) && (await Picks.RunAsync(Actor, Ws, Gone)).Failed(out var problem, out _picks)) Problem = problem;
        if (Problem is null && Name is not null) await LoadAsync();
        if (Name is null) _tool = null;
    }

    private async Task LoadAsync()
    {
        if ((await Detail.RunAsync(Actor, Ws, ConsumerKind.Tool, Name!, Gone)).Failed(out var problem, out _tool)) Problem = problem;
    }

    private string PlacesOf(string credential) => string.Join(", ", _tool!.References.Where(r => r.Credential == credential).Select(r => r.Place));

    private void SavedAsync(SavedConsumer saved)
    {
        Snackbar.Add(saved.Created ? $"Tool {saved.Name} created." : $"Tool {saved.Name} saved. New calls use it from now on.", Severity.Success);
        Navigation.NavigateTo(Urls.Tool(Ws, saved.Name));
    }

    private async Task AddScopeAsync(string credential)
    {
        if (Succeeded(await AddScope.ExecuteAsync(Actor, Ws, new AddToScope.Input(_tool!.Name, credential), Gone), $"{_tool.Name} may use {credential} from now on.")) await LoadAsync();
    }

    private async Task DeleteAsync()
    {
        if (!await DeleteConsumerDialog.ConfirmAsync(Dialogs, _tool!)) return;
        if (Succeeded(await Delete.ExecuteAsync(Actor, Ws, new DeleteConsumer.Input(ConsumerKind.Tool, _tool!.Name, _tool.Revision), Gone), $"Tool {_tool.Name} deleted."))
            Navigation.NavigateTo(Urls.Tools(Ws));
    }
}
