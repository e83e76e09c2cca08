using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>The layer-1 keys that the person sees; issue, rotate and revoke for those who may.</summary>
public sealed partial class ApiKeysPage : AdminPage
{
    private static readonly (string? Value, string Text)[] Tabs = [(null, "All"), ("live", "Live"), ("expired", "Expired"), ("revoked", "Revoked")];
    private static readonly TimeSpan Soon = TimeSpan.FromDays(7);
    private static readonly DialogOptions Held = new() { CloseOnEscapeKey = true, BackdropClick = false, MaxWidth = MaxWidth.Small, FullWidth = true };

    private Page<ApiKeyListQuery.Row>? _page;
    private IssueFormQuery.View? _form;

    [Inject] public required ApiKeyListQuery List { get; init; }

    [Inject] public required IssueFormQuery Form { get; init; }

    [Inject] public required RevokeApiKey Revoke { get; init; }

    [Inject] public required IDialogService Dialogs { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    [SupplyParameterFromQuery] public string? Status { get; set; }

    [SupplyParameterFromQuery] public string? Cursor { get; set; }

    protected override async Task OnParametersSetAsync()
    {
        _form ??= await Form.RunAsync(Actor, Gone);
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        ApiKeyStatus? status = Enum.TryParse<ApiKeyStatus>(Status, true, out var known) ? known : null;
        var found = await List.RunAsync(Actor, new ApiKeyListQuery.Filter(status, null, 50, Cursor), Gone);
        Problem = found.Failed(out var problem, out var page) ? problem : null;
        _page = page;
    }

    private async Task IssueAsync()
    {
        var dialog = await Dialogs.ShowAsync<IssueApiKeyDialog>("Issue API key", new DialogParameters<IssueApiKeyDialog> { { d => d.Actor, Actor }, { d => d.Form, _form! } }, Held);
        await dialog.Result;
        await LoadAsync();
    }

    private async Task RotateAsync(ApiKeyListQuery.Row key)
    {
        var dialog = await Dialogs.ShowAsync<RotateApiKeyDialog>("Rotate API key", new DialogParameters<RotateApiKeyDialog> { { d => d.Actor, Actor }, { d => d.Key, key } }, Held);
        await dialog.Result;
        await LoadAsync();
    }

    private async Task RevokeAsync(ApiKeyListQuery.Row key)
    {
        var used = key.LastUsedAt is { } at ? $"It was last used at {at.UtcDateTime:yyyy-MM-dd HH:mm} UTC." : "It was never used.";
        var sure = await Dialogs.ShowMessageBoxAsync($"Revoke '{key.Name}'?", $"{used} Calls with it are refused from this moment on. This cannot be undone; to replace it without a failed call, rotate it.",
            yesText: "Revoke", cancelText: "Keep it");
        if (sure != true) return;
        Succeeded(await Revoke.ExecuteAsync(Actor, key.Id.ToString(), Gone), $"'{key.Name}' is revoked.");
        await LoadAsync();
    }

    private bool EndsSoon(ApiKeyListQuery.Row key) => key.Status == ApiKeyStatus.Live && key.ExpiresAt - Clock.GetUtcNow() < Soon;

    private string Chip(ApiKeyListQuery.Row key) => key.Status switch
    {
        ApiKeyStatus.Live => EndsSoon(key) ? "expiring" : "active",
        ApiKeyStatus.Expired => "expired",
        ApiKeyStatus.Revoked => "revoked",
    };

    private string Word(ApiKeyListQuery.Row key) => key.Status == ApiKeyStatus.Live ? EndsSoon(key) ? "ends soon" : "live" : Chip(key);
}
