using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Workspaces;

/// <summary>The workspaces that exist for the person; organization admins make new ones.</summary>
public sealed partial class WorkspacesPage : AdminPage
{
    private IReadOnlyList<WorkspaceListQuery.Row>? _rows;
    private string _name = "";
    private string _slug = "";
    private bool _slugIsOwn;
    private bool _mayCreate;
    private bool _open;
    private bool _busy;
    private (string? Field, string Message)? _wrong;

    [Inject] public required WorkspaceListQuery List { get; init; }

    [Inject] public required CreateWorkspace Create { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    private string SlugHelp => Slug.IsValid(_slug) ? $"Stands in every address and never changes: {Urls.Workspace(_slug)} and /broker/{_slug}/…" : Slug.Rule;

    protected override async Task OnInitializedAsync()
    {
        _mayCreate = (await Authorizer.RightsAsync(Actor, null, Gone)).Allows(Permission.ManageOrganization);
        _rows = await List.RunAsync(Actor, Gone);
    }

    private void OpenForm() => (_open, _name, _slug, _slugIsOwn, _wrong) = (true, "", "", false, null);

    // The slug follows the name until somebody writes one.
    private void Named(string name)
    {
        _name = name;
        if (!_slugIsOwn) _slug = string.IsNullOrWhiteSpace(name) ? "" : Slug.From(name);
    }

    private void Slugged(string slug)
    {
        _slugIsOwn = slug.Length > 0;
        _slug = slug;
    }

    private async Task CreateAsync()
    {
        _busy = true;
        var created = await Create.ExecuteAsync(Actor, new CreateWorkspace.Input(_name, _slug.Length == 0 ? null : _slug), Gone).OrUnavailableAsync();
        _busy = false;
        _wrong = created.Failed(out var problem) ? (problem.Details?.GetValueOrDefault("field") as string ?? (problem.Kind == ProblemKind.Conflict ? "slug" : null), problem.Message) : null;
        if (_wrong is { Field: "name" or "slug" } || !Succeeded(created, $"Workspace '{_slug}' is there.")) return;
        _open = false;
        _rows = await List.RunAsync(Actor, Gone);
    }
}
