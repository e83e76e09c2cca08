using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Data;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Notifications;

/// <summary>A workspace's ladder, escalation and forced-update policy.</summary>
public sealed partial class NotificationSettingsPage : AdminPage
{
    private NotificationSettingsQuery.View? _view;
    private string _ladder = "";
    private int _escalate, _bannerDay = 7, _blockDay;
    private bool _banner, _block, _blockAfter, _busy;
    private string? _wrong, _field, _shown;

    [Inject] public required NotificationSettingsQuery Query { get; init; }

    [Inject] public required SaveNotificationSettings Save { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Ws) return;
        _shown = Ws;
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        var outcome = await Query.RunAsync(Actor, Ws, Gone);
        (_view, Problem) = (outcome.Value, outcome.Problem);
        if (_view is null)
        {
            Navigation.NotFound();
            return;
        }
        _ladder = _view.LadderIsOwn ? string.Join(", ", _view.Ladder) : "";
        _escalate = _view.EscalateAfterDays;
        (_banner, _bannerDay) = (_view.BannerFromDay is not null, _view.BannerFromDay ?? 7);
        (_block, _blockDay, _blockAfter) = (_view.BlockFromDay is not null, Math.Abs(_view.BlockFromDay ?? 0), _view.BlockFromDay < 0);
    }

    private async Task SaveAsync()
    {
        if (_busy || _view is null) return;
        (_busy, _wrong, _field) = (true, null, null);
        try
        {
            if (!Domain.Credentials.ExpiryPolicy.TryReadLadder(_ladder, out var ladder))
            {
                (_field, _wrong) = ("ladder", Domain.Credentials.ExpiryPolicy.LadderRule);
                return;
            }
            var input = new SaveNotificationSettings.Input(ladder, _escalate, _banner ? _bannerDay : null, _block ? _blockAfter ? -_blockDay : _blockDay : null, _view.Revision);
            if ((await Save.ExecuteAsync(Actor, Ws, input, Gone).OrUnavailableAsync()).Failed(out var problem))
            {
                (_wrong, _field) = (problem.Message, problem.Details?.GetValueOrDefault("field") as string);
                return;
            }
            Snackbar.Add("Saved.", Severity.Success);
            await LoadAsync();
        }
        finally
        {
            _busy = false;
        }
    }
}
