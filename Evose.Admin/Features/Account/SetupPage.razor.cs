using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Account;

/// <summary>The first visit: one admin, one recovery key shown once, and perhaps a workspace.</summary>
public sealed partial class SetupPage : AccountPage
{
    private string? _key;

    [Inject] public required SetupToken Setup { get; init; }

    [Inject] public required SetUpOrganization Organization { get; init; }

    [SupplyParameterFromQuery(Name = "token")] public string? TokenInAddress { get; set; }

    [SupplyParameterFromForm(Name = "Token")] public string? TokenInForm { get; set; }

    [SupplyParameterFromForm] public string? Step { get; set; }

    [SupplyParameterFromForm] public string? Email { get; set; }

    [SupplyParameterFromForm] public string? Password { get; set; }

    [SupplyParameterFromForm] public string? Workspace { get; set; }

    [SupplyParameterFromForm] public string? Saved { get; set; }

    private string? Token => IsPost ? TokenInForm : TokenInAddress;

    private string Invalid(string field) => Wrong(field) is null ? "false" : "true";

    private async Task SubmitAsync()
    {
        if (Step == "confirm")
        {
            if (Saved == "true" && Succeeded(await Organization.ConfirmAsync(Token, Gone))) Go(Urls.Login);
            return;
        }
        var outcome = await Organization.ExecuteAsync(Caller, new SetUpOrganization.Input(Token, Email, Password, Workspace), Gone);
        if (!Succeeded(outcome)) return;
        using var key = outcome.Value!;
        _key = key.ShowOnce();
    }
}
