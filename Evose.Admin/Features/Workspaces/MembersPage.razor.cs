using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Workspaces;

/// <summary>The members of one workspace (<c>?ws=</c>) or of the organization, and the open invitations.</summary>
public sealed partial class MembersPage : AdminPage
{
    private IReadOnlyList<WorkspaceListQuery.Row> _workspaces = [];
    private MembersQuery.View? _view;
    private bool _seesOrganization;

    // Grows with every load: a select that the browser changed and the app did not is drawn anew.
    private int _round;

    [Inject] public required MembersQuery Members { get; init; }

    [Inject] public required WorkspaceListQuery Workspaces { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required MemberActs Acts { get; init; }

    [Inject] public required IDialogService Dialogs { get; init; }

    [SupplyParameterFromQuery] public string? Ws { get; set; }

    protected override async Task OnParametersSetAsync()
    {
        _seesOrganization = (await Authorizer.RightsAsync(Actor, null, Gone)).Allows(Permission.View);
        _workspaces = await Workspaces.RunAsync(Actor, Gone);
        if (Ws is null && !_seesOrganization && _workspaces.Count > 0)
        {
            Navigation.NavigateTo(Urls.MembersOf(_workspaces[0].Slug), replace: true);
            return;
        }
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        var found = await Members.RunAsync(Actor, Ws, Gone);
        Problem = found.Failed(out var problem, out var view) ? problem : null;
        _view = view;
        _round++;
    }

    private async Task InviteAsync()
    {
        var options = new DialogOptions { CloseOnEscapeKey = true, BackdropClick = false, MaxWidth = MaxWidth.Small, FullWidth = true };
        var dialog = await Dialogs.ShowAsync<InviteDialog>(Ws is null ? "Invite to the organization" : $"Invite to {Ws}", new DialogParameters<InviteDialog> { { d => d.Actor, Actor }, { d => d.Workspace, Ws } }, options);
        await dialog.Result;
        await LoadAsync();
    }

    private async Task ChangeAsync(MembersQuery.Row member, WorkspaceRole shown, object? value)
    {
        if (Enum.TryParse<WorkspaceRole>(value as string, out var role))
            Succeeded(await Acts.Role.ExecuteAsync(Actor, new ChangeRole.Input(Ws!, member.UserId, role, shown), Gone).OrUnavailableAsync(), $"{member.Email} is {Word(role)} now.");
        await LoadAsync();
    }

    private async Task ChangeOrganizationAsync(MembersQuery.Row member, object? value)
    {
        if (Enum.TryParse<OrganizationRole>(value as string, out var role))
            Succeeded(await Acts.OrganizationRole.ExecuteAsync(Actor, new ChangeOrganizationRole.Input(member.UserId, role, member.OrganizationRole), Gone).OrUnavailableAsync(), $"{member.Email} is {Word(role)} of the organization now.");
        await LoadAsync();
    }

    private async Task SwitchAsync(MembersQuery.Row member)
    {
        if (member.DisabledAt is not null)
        {
            Succeeded(await Acts.Enable.ExecuteAsync(Actor, member.UserId, Gone).OrUnavailableAsync(), $"{member.Email} may sign in again.");
        }
        else
        {
            var keys = member.ApiKeys switch { 0 => "", 1 => " The live API key that they issued is revoked for good: whatever uses it stops.", var n => $" The {n} live API keys that they issued are revoked for good: whatever uses them stops." };
            if (!await SureAsync($"Disable {member.Email}?", $"They are shut out at once, also on pages that are open now. Invitations that they sent and nobody accepted yet are taken back.{keys}", "Disable")) return;
            Succeeded(await Acts.Disable.ExecuteAsync(Actor, member.UserId, Gone).OrUnavailableAsync(), $"{member.Email} is disabled.");
        }
        await LoadAsync();
    }

    private async Task RemoveAsync(MembersQuery.Row member)
    {
        var (title, text) = Ws is null
            ? ($"Remove {member.Email} from the organization?", "Their account and all their memberships are deleted. What they did stays in the audit trail. To shut them out for a while, disable them instead.")
            : ($"Remove {member.Email} from {Ws}?", "They lose access to this workspace at once. Their account stays.");
        if (!await SureAsync(title, text, "Remove")) return;
        Succeeded(await Acts.Remove.ExecuteAsync(Actor, new RemoveMember.Input(Ws, member.UserId), Gone).OrUnavailableAsync(), $"{member.Email} is removed.");
        await LoadAsync();
    }

    private async Task RevokeAsync(MembersQuery.InvitationRow invitation)
    {
        if (!await SureAsync($"Revoke the invitation of {invitation.Email}?", "Its link then leads nowhere.", "Revoke")) return;
        Succeeded(await Acts.RevokeInvitation.ExecuteAsync(Actor, invitation.Id, Gone).OrUnavailableAsync(), "The invitation is revoked.");
        await LoadAsync();
    }

    private async Task<bool> SureAsync(string title, string text, string yes) => await Dialogs.ShowMessageBoxAsync(title, text, yesText: yes, cancelText: "Cancel") == true;

    private static string As(MembersQuery.InvitationRow i)
    {
        var here = i.Role is { } role ? $"{Word(role)} of {i.Workspace}" : null;
        var whole = i.OrganizationRole == OrganizationRole.Member ? null : $"{Word(i.OrganizationRole)} of the organization";
        return string.Join(", ", new[] { here, whole }.Where(t => t is not null));
    }

    internal static string Word(WorkspaceRole role) => role == WorkspaceRole.Reviewer ? "security reviewer" : role.ToString().ToLowerInvariant();

    internal static string Word(OrganizationRole role) => role == OrganizationRole.Reviewer ? "security reviewer" : role.ToString().ToLowerInvariant();
}

/// <summary>The acts on members, together, because one page has them all.</summary>
public sealed record MemberActs(ChangeRole Role, ChangeOrganizationRole OrganizationRole, RemoveMember Remove, DisableUser Disable, EnableUser Enable, RevokeInvitation RevokeInvitation);
