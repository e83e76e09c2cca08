using Evose.Admin.Domain;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Account;
using Evose.Admin.Features.Hygiene;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Identity;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.JSInterop;

namespace Evose.Admin.Shell;

/// <summary>The frame of every interactive page: which workspace, what may be reached, who acts.</summary>
public sealed partial class MainLayout : LayoutComponentBase, IDisposable
{
    private readonly CancellationTokenSource _gone = new();
    private PageBoundary? _boundary;
    private bool _dark;
    private bool _open = true;
    private static readonly WorkspaceListQuery.Row Organization = new(Workspace.OrganizationId, Workspace.OrganizationSlug, "Organization", false, DateTimeOffset.UnixEpoch);

    private bool _mayManage;
    private bool _seesOrganization;
    private bool _mayAudit;
    private HygieneCounts _findings;
    private Actor _actor = Actor.Nobody;
    private Rights _rights = Rights.None;
    private RecoveryStatusQuery.Status? _recovery;
    private IReadOnlyList<WorkspaceListQuery.Row> _workspaces = [];
    private WorkspaceListQuery.Row? _workspace;
    private string? _remembered;

    [CascadingParameter(Name = "Dark")] public bool Dark { get; set; }

    [CascadingParameter(Name = "LastWorkspace")] public string? LastWorkspace { get; set; }

    [CascadingParameter] public Task<AuthenticationState>? Authentication { get; set; }

    [Inject] public required NavigationManager Navigation { get; init; }

    [Inject] public required IJSRuntime Js { get; init; }

    [Inject] public required WorkspaceListQuery Workspaces { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required RecoveryStatusQuery Recovery { get; init; }

    [Inject] public required FindingsQuery Findings { get; init; }

    private string Initial => _actor.Name.Length == 0 ? "?" : _actor.Name[..1].ToUpperInvariant();

    protected override async Task OnInitializedAsync()
    {
        _dark = Dark;
        // The page below asks who acts as soon as it is made: this comes before anything that waits.
        _actor = await CurrentActor.OfAsync(Authentication);
        _remembered = LastWorkspace;
        Navigation.LocationChanged += OnLocationChanged;
        await LoadAsync();
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        // The system may have changed since the browser last told the server.
        if (firstRender && await Js.InvokeAsync<bool>("evose.isDark", _gone.Token) is var dark && dark != _dark)
        {
            _dark = dark;
            StateHasChanged();
        }
        if (_workspace is null || _workspace == Organization || _workspace.Slug == _remembered) return;
        _remembered = _workspace.Slug;
        await Js.InvokeVoidAsync("evose.rememberWorkspace", _gone.Token, _remembered);
    }

    public void Dispose()
    {
        Navigation.LocationChanged -= OnLocationChanged;
        _gone.Cancel();
        _gone.Dispose();
    }

    // Few small reads at every change of page: rights, workspaces and the banner are never older than the page.
    private async Task LoadAsync()
    {
        _workspaces = await Workspaces.RunAsync(_actor, _gone.Token);
        var organization = await Authorizer.RightsAsync(_actor, null, _gone.Token);
        _seesOrganization = organization.Allows(Permission.View);
        _workspace = _seesOrganization && InAddress() == Workspace.OrganizationSlug ? Organization : _workspaces.FirstOrDefault(w => w.Slug == InAddress()) ?? _workspaces.FirstOrDefault(w => w.Slug == _remembered) ?? (_workspaces.Count > 0 ? _workspaces[0] : null);
        _rights = _workspace is null ? organization : await Authorizer.RightsAsync(_actor, _workspace.Slug, _gone.Token);
        _mayManage = organization.Allows(Permission.ManageOrganization);
        _mayAudit = organization.Allows(Permission.ViewAudit) || _rights.Allows(Permission.ViewAudit);
        _recovery = await Recovery.RunAsync(_actor, _gone.Token);
        _findings = _workspace is not null && _rights.Allows(Permission.ViewCalls) ? await Findings.CountsAsync(_workspace.Id, _workspace.Id == Workspace.OrganizationId, _gone.Token) : default;
    }

    private string? InAddress()
    {
        var parts = Navigation.ToBaseRelativePath(Navigation.Uri).Split('/', '?', '#');
        return parts is ["w", { Length: > 0 } slug, ..] ? slug : null;
    }

    private void OnLocationChanged(object? sender, LocationChangedEventArgs e) => _ = InvokeAsync(async () =>
    {
        _boundary?.Recover();
        try
        {
            await LoadAsync();
            StateHasChanged();
        }
        catch (OperationCanceledException)
        {
            // The person has left.
        }
    });

    private async Task ToggleThemeAsync()
    {
        _dark = !_dark;
        await Js.InvokeVoidAsync("evose.setTheme", _gone.Token, _dark);
    }
}
