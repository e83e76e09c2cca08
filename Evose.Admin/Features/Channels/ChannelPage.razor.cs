using Evose.Admin.Domain;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Channels;

/// <summary>One channel: its log and its settings, or the form of a new one. Address and secret go through the intake; the page knows only their ids.</summary>
public sealed partial class ChannelPage : AdminPage
{
    private readonly List<ChannelQuery.LogRow> _log = [];
    private readonly HashSet<NotificationKind> _kinds = [];
    private ChannelQuery.View? _view;
    private TestChannel.Tested? _tested;
    private SecretField? _url, _secret;
    private string _name = "", _recipients = "", _severity = "info", _language = NotificationTexts.English;
    private bool _standard, _includes = true, _busy, _testing, _canAdd;
    private string? _next, _wrong, _field, _shown;

    [Inject] public required ChannelQuery Query { get; init; }

    [Inject] public required SaveChannel Save { get; init; }

    [Inject] public required RemoveChannel Remove { get; init; }

    [Inject] public required SwitchChannel Switch { get; init; }

    [Inject] public required TestChannel Test { get; init; }

    [Inject] public required ResendDelivery Resend { get; init; }

    [Inject] public required StagedValues Staged { get; init; }

    [Inject] public required MailSender Mail { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required IDialogService Dialogs { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [Parameter] public string Channel { get; set; } = "";

    [SupplyParameterFromQuery(Name = "kind")] public string? NewKind { get; set; }

    [SupplyParameterFromQuery(Name = "tab")] public string? Tab { get; set; }

    private bool IsNew => Channel == Urls.NewId;

    private ChannelKind Kind => _view?.Channel.Kind ?? SaveChannel.ParseKind(NewKind) ?? ChannelKind.Webhook;

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == $"{Ws}/{Channel}") return;
        _shown = $"{Ws}/{Channel}";
        (_view, _tested, Problem) = (null, null, null);
        if (IsNew)
        {
            var rights = await Authorizer.RightsAsync(Actor, Ws, Gone);
            _canAdd = rights.Allows(Permission.ManageNotifications);
            if (!_canAdd) Navigation.NotFound();
            return;
        }
        await LoadAsync();
        if (_view is not { Channel: var c }) return;
        (_name, _recipients, _severity, _language, _standard, _includes) = (c.Name, string.Join('\n', c.Recipients), c.MinSeverity.ToString().ToLowerInvariant(), c.Language, c.StandardHeaders, c.IncludesWorkspaces);
        _kinds.Clear();
        _kinds.UnionWith(c.Kinds);
    }

    private async Task LoadAsync()
    {
        if (!Guid.TryParse(Channel, out var id) || (await Query.RunAsync(Actor, id, 50, null, Gone)).Failed(out _, out var view) || (view!.Channel.Workspace ?? Workspace.OrganizationSlug) != Ws)
        {
            Navigation.NotFound();
            return;
        }
        _view = view;
        _log.Clear();
        _log.AddRange(view.Log.Data);
        _next = view.Log.NextCursor;
    }

    private async Task MoreAsync()
    {
        if ((await Query.RunAsync(Actor, _view!.Channel.Id, 50, _next, Gone)).Failed(out var problem, out var view))
        {
            Problem = problem;
            return;
        }
        _log.AddRange(view.Log.Data);
        _next = view.Log.NextCursor;
    }

    private void Choose(NotificationKind kind, bool wanted)
    {
        if (wanted) _kinds.Add(kind);
        else _kinds.Remove(kind);
    }

    private async Task SaveAsync()
    {
        if (_busy) return;
        (_busy, _wrong, _field) = (true, null, null);
        try
        {
            if ((await SendAsync(_url)).Failed(out var unsent, out var url) || (await SendAsync(_secret)).Failed(out unsent, out var secret))
            {
                _wrong = unsent.Message;
                return;
            }
            var input = new SaveChannel.Input(_view?.Channel.Id, Ws, EventNames.Of(Kind), _name, [.. _kinds.Order().Select(EventNames.Kind)], _severity, _language,
                Kind == ChannelKind.Email ? _recipients.Split(['\n', ',', ';'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries) : null,
                _standard && Kind == ChannelKind.Webhook, _includes, StagedUrl: url, StagedSecret: secret, Revision: _view?.Channel.Revision);
            if ((await Save.ExecuteAsync(Actor, input, Gone).OrUnavailableAsync()).Failed(out var problem, out var saved))
            {
                (_wrong, _field) = (problem.Message, problem.Details?.GetValueOrDefault("field") as string);
                return;
            }
            Snackbar.Add(IsNew ? "The channel is added. Send a test to see whether it works." : "Saved.", Severity.Success);
            if (IsNew) Navigation.NavigateTo(Urls.Channel(Ws, saved.Id));
            else await LoadAsync();
        }
        finally
        {
            _busy = false;
        }
    }

    // Null when nothing was typed: what is kept stays.
    private async Task<Outcome<Guid?>> SendAsync(SecretField? field)
    {
        if (field is null || !await field.HasValueAsync()) return (Guid?)null;
        var (id, ticket) = Staged.Issue(Actor);
        return await field.SendAsync(ticket) is { } refused ? Problem.Malformed(refused) : id;
    }

    private async Task TestAsync()
    {
        if (_busy) return;
        (_busy, _testing) = (true, true);
        try
        {
            var outcome = await Test.ExecuteAsync(Actor, _view!.Channel.Id, Gone);
            if (Succeeded(outcome)) _tested = outcome.Value;
            await LoadAsync();
        }
        finally
        {
            (_busy, _testing) = (false, false);
        }
    }

    private async Task SwitchAsync()
    {
        var on = _view!.Channel.DisabledAt is not null;
        if (!on && await Dialogs.ShowMessageBoxAsync($"Disable {_view.Channel.Name}?", _view.Channel.Waiting == 0 ? "Nothing is sent there until it is enabled again." : $"{_view.Channel.Waiting} notifications that still wait are given up; they can be sent again by hand.", yesText: "Disable", cancelText: "Cancel") != true) return;
        if (Succeeded(await Switch.ExecuteAsync(Actor, _view.Channel.Id, on, Gone).OrUnavailableAsync(), on ? "The channel is in use again." : "Nothing is sent there any more.")) await LoadAsync();
    }

    private async Task RemoveAsync()
    {
        if (await Dialogs.ShowMessageBoxAsync($"Remove {_view!.Channel.Name}?", "Its address, its secret and its log are deleted. Notifications stay in the inbox.", yesText: "Remove", cancelText: "Cancel") != true) return;
        if (Succeeded(await Remove.ExecuteAsync(Actor, _view.Channel.Id, Gone).OrUnavailableAsync(), "The channel is removed.")) Navigation.NavigateTo(Urls.Channels(Ws));
    }

    private async Task ResendAsync(ChannelQuery.LogRow delivery)
    {
        if (_busy) return;
        _busy = true;
        Succeeded(await Resend.ExecuteAsync(Actor, _view!.Channel.Id, delivery.Id, Gone).OrUnavailableAsync(), "It goes out once more.");
        await LoadAsync();
        _busy = false;
    }
}
