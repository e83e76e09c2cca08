using Evose.Admin.Domain;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Account;

/// <summary>Where an invitation's link leads.</summary>
public sealed partial class AcceptInvitePage : AccountPage
{
    private AcceptInvitation.View? _invitation;

    [Inject] public required AcceptInvitation Accept { get; init; }

    [SupplyParameterFromQuery(Name = "token")] public string? TokenInAddress { get; set; }

    [SupplyParameterFromForm(Name = "Token")] public string? TokenInForm { get; set; }

    [SupplyParameterFromForm] public string? Password { get; set; }

    private string? Token => IsPost ? TokenInForm : TokenInAddress;

    protected override async Task OnInitializedAsync()
    {
        _invitation = (await Accept.LookAsync(Token, Gone)).Value;
        if (_invitation is null) HttpContext.Response.StatusCode = StatusCodes.Status410Gone;
    }

    private async Task SubmitAsync()
    {
        if (_invitation is null) return;
        var outcome = await Accept.ExecuteAsync(Caller, Token, Password, Gone);
        if (Succeeded(outcome)) Go(Urls.Home);
        else if (outcome.Problem!.Kind == ProblemKind.NotFound) _invitation = null;
    }
}
