using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Workspaces;

/// <summary>Asks whom to invite and has the link made past the circuit: this component never holds it.</summary>
public sealed partial class InviteDialog : ComponentBase
{
    private string _email = "";
    private WorkspaceRole _role = WorkspaceRole.Builder;
    private OrganizationRole _organizationRole = OrganizationRole.Reviewer;
    private bool _busy;
    private bool _shown;
    private string? _wrongEmail;
    private Problem? _problem;
    private ShowOnce _once = null!;

    [Inject] public required OneTimeTickets Tickets { get; init; }

    [Inject] public required ISnackbar Snackbar { get; init; }

    [CascadingParameter] public IMudDialogInstance? Dialog { get; set; }

    [Parameter, EditorRequired] public Actor Actor { get; set; } = Actor.Nobody;

    /// <summary>Slug; null invites to the organization.</summary>
    [Parameter] public string? Workspace { get; set; }

    private async Task SendAsync()
    {
        _busy = true;
        (_problem, _wrongEmail) = (null, null);
        var input = Workspace is null ? new InviteMember.Input(_email, null, null, _organizationRole) : new InviteMember.Input(_email, Workspace, _role);
        // From here on only the button closes it: Escape would lose what is shown once.
        if (Dialog is not null) await Dialog.SetOptionsAsync(Dialog.Options with { CloseOnEscapeKey = false });
        var answer = await _once.RunAsync(WorkspacesFeature.InviteTicketPath, Tickets.Issue(Actor, input));
        _busy = false;
        _shown = answer.Shown;
        if (answer is { Ok: true, Shown: false })
        {
            Snackbar.Add("This person had an account and is a member now.", Severity.Success);
            Dialog?.Close();
        }
        else if (!answer.Ok)
        {
            var message = answer.Message ?? "The invitation was not made. Try again.";
            if (answer.Field == "email") _wrongEmail = message;
            else _problem = Problem.Malformed(message);
        }
    }

    private async Task CloseAsync()
    {
        if (_shown) await _once.ClearAsync();
        Dialog?.Close();
    }

    private static string Explain(WorkspaceRole role) => role switch
    {
        WorkspaceRole.Admin => "Everything in the workspace, members and API keys included.",
        WorkspaceRole.Builder => "Makes tools, agents and workflows; sees credentials and their use, never a value.",
        WorkspaceRole.User => "Sees what is there.",
        WorkspaceRole.Reviewer => "Reads metadata, use and audit; changes nothing.",
    };
}
