using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Account;

/// <summary>Issues the recovery key anew and takes the word that it is kept; for organization admins.</summary>
public sealed partial class RecoveryKeyPage : AccountPage
{
    private RecoveryStatusQuery.Status? _status;
    private string? _key;

    [Inject] public required RecoveryStatusQuery Status { get; init; }

    [Inject] public required RecoveryKeys Keys { get; init; }

    [SupplyParameterFromForm] public string? Step { get; set; }

    [SupplyParameterFromForm] public string? Password { get; set; }

    protected override async Task OnInitializedAsync()
    {
        _status = await Status.RunAsync(Caller, Gone);
        if (_status is null) HttpContext.Response.StatusCode = StatusCodes.Status404NotFound;
    }

    private async Task SubmitAsync()
    {
        if (Step == "confirm")
        {
            if (Succeeded(await Keys.ConfirmAsync(Caller, Gone))) Go(Urls.Home);
            return;
        }
        var outcome = await Keys.IssueAsync(Caller, Password, Gone);
        if (!Succeeded(outcome)) return;
        using var key = outcome.Value!;
        _key = key.ShowOnce();
    }
}
