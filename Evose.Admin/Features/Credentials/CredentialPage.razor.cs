using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Credentials;

/// <summary>One credential: what it is, who uses it, its versions and its policy. The tab and what it shows stand in the address.</summary>
public sealed partial class CredentialPage : AdminPage
{
    private CredentialView? _view;
    private string? _shown;
    private bool _manages, _seesCalls, _audits, _seesOrganization;

    [Inject] public required CredentialDetailQuery Query { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required EditCredential Edit { get; init; }

    [Inject] public required IDialogService Dialogs { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [Parameter] public string Name { get; set; } = "";

    [SupplyParameterFromQuery(Name = "tab")] public string? Tab { get; set; }

    [SupplyParameterFromQuery(Name = "range")] public string? Range { get; set; }

    [SupplyParameterFromQuery(Name = "outcome")] public string? Outcome { get; set; }

    [SupplyParameterFromQuery(Name = "last")] public string? Last { get; set; }

    private IEnumerable<(string Key, string Label)> Tabs =>
    [
        ("overview", "Overview"), ("usage", "Used by"), .. _seesCalls ? [("calls", "Calls")] : Array.Empty<(string, string)>(), ("versions", "Versions"), ("access", "Access"),
    ];

    private string Current => Tabs.Any(t => t.Key == Tab) ? Tab! : "overview";

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Ws + "/" + Name) return;
        _shown = Ws + "/" + Name;
        var rights = await Authorizer.RightsAsync(Actor, Ws, Gone);
        (_manages, _seesCalls, _audits) = (rights.Allows(Permission.ManageCredentials), rights.Allows(Permission.ViewCalls), rights.Allows(Permission.ViewAudit));
        _seesOrganization = (await Authorizer.RightsAsync(Actor, null, Gone)).Allows(Permission.View);
        await LoadAsync();
        // Granted by the organization: to use, not to change.
        if (_view is { FromOrganization: true }) (_manages, _audits) = (false, false);
    }

    private async Task LoadAsync()
    {
        var outcome = await Query.RunAsync(Actor, Ws, Name, Gone);
        (_view, Problem) = (outcome.Value, outcome.Problem);
    }

    private string TabUrl(string tab) => Urls.Credential(Ws, Name) + (tab == "overview" ? "" : "?tab=" + tab);

    private async Task EditAsync()
    {
        var dialog = await Dialogs.ShowAsync<EditCredentialDialog>("Edit " + _view!.Name, new DialogParameters<EditCredentialDialog> { { d => d.Actor, Actor }, { d => d.Ws, Ws }, { d => d.View, _view } });
        if (await dialog.Result is not { Canceled: false, Data: EditCredential.Edited edited }) return;
        Snackbar.Add(edited.ToolsRewritten > 0 ? $"Saved. {edited.ToolsRewritten} tools carry the new name." : "Saved.", Severity.Success);
        if (edited.Name != Name) Navigation.NavigateTo(Urls.Credential(Ws, edited.Name), replace: true);
        else await LoadAsync();
    }

    private async Task SignedInAsync()
    {
        if (Succeeded(await Edit.ExecuteAsync(Actor, Ws, Name, new EditCredential.Input(SignedIn: true), Gone), "Noted. The next answer that says otherwise is told of again.")) await LoadAsync();
    }

    private async Task ArchiveAsync()
    {
        var dialog = await Dialogs.ShowAsync<ArchiveCredentialDialog>("Archive " + _view!.Name, new DialogParameters<ArchiveCredentialDialog> { { d => d.Actor, Actor }, { d => d.Ws, Ws }, { d => d.View, _view } });
        if (await dialog.Result is not { Canceled: false }) return;
        Snackbar.Add("Archived. Every value is destroyed.", Severity.Success);
        await LoadAsync();
    }
}
