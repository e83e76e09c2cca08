using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Shell;

/// <summary>Leads to the workspace last opened; where there is none, makes the first.</summary>
public sealed partial class StartPage : AdminPage
{
    private bool _none;
    private bool _mayCreate;
    private string? _name;

    [CascadingParameter(Name = "LastWorkspace")] public string? LastWorkspace { get; set; }

    [Inject] public required WorkspaceListQuery Workspaces { get; init; }

    [Inject] public required CreateWorkspace Create { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    protected override async Task OnInitializedAsync()
    {
        var workspaces = await Workspaces.RunAsync(Actor, Gone);
        if (workspaces.Count > 0)
        {
            var slug = (workspaces.FirstOrDefault(w => w.Slug == LastWorkspace) ?? workspaces[0]).Slug;
            Navigation.NavigateTo(Urls.Workspace(slug), replace: true);
            return;
        }
        _mayCreate = (await Authorizer.RightsAsync(Actor, null, Gone)).Allows(Permission.ManageOrganization);
        _none = true;
    }

    private async Task CreateAsync()
    {
        var outcome = await Create.ExecuteAsync(Actor, new CreateWorkspace.Input(_name, null), Gone);
        if (outcome.Failed(out var problem, out var workspace)) Problem = problem;
        else Navigation.NavigateTo(Urls.Workspace(workspace.Slug), replace: true);
    }
}
