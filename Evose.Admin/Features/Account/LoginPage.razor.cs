using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Account;

/// <summary>Password sign-in.</summary>
public sealed partial class LoginPage : AccountPage
{
    [Inject] public required SignIn SignIn { get; init; }

    [SupplyParameterFromQuery(Name = "return_url")] public string? ReturnUrl { get; set; }

    [SupplyParameterFromQuery(Name = "signed_out")] public bool SignedOut { get; set; }

    [SupplyParameterFromForm(Name = "ReturnUrl")] public string? ReturnInForm { get; set; }

    [SupplyParameterFromForm] public string? Email { get; set; }

    [SupplyParameterFromForm] public string? Password { get; set; }

    protected override void OnInitialized()
    {
        if (!IsPost && HttpContext.User.Identity?.IsAuthenticated == true) Go(LocalAddress.Of(ReturnUrl));
    }

    private async Task SubmitAsync()
    {
        if (Succeeded(await SignIn.ExecuteAsync(Caller, Email, Password, Gone))) Go(LocalAddress.Of(ReturnInForm));
    }
}
