using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Data;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Rotation;

/// <summary>Step 4: watches the grace period, shows what stands against retiring, and offers the way back while there is one.</summary>
public sealed partial class RetireStep : AdminPage
{
    private bool _busy;
    private string _confirm = "";

    [Inject] public required RollBack Back { get; init; }

    [Inject] public required RetireVersion Retire { get; init; }

    [Parameter, EditorRequired] public string Ws { get; set; } = "";

    [Parameter, EditorRequired] public RotationQuery.View View { get; set; } = null!;

    [Parameter] public bool MayManage { get; set; }

    [Parameter] public EventCallback Moved { get; set; }

    private string Countdown
    {
        get
        {
            if (View.Rotation?.RetireAt is not { } at) return "";
            var left = at - View.Now;
            return left <= TimeSpan.Zero ? "Grace is over" : $"{(int)left.TotalHours:00}:{left.Minutes:00}:{left.Seconds:00} left";
        }
    }

    private IEnumerable<(RetireHold Hold, bool Met, string Text)> Checks
    {
        get
        {
            var holds = View.Retirement?.Holds ?? [];
            var (old, fresh, quiet) = (View.Retiring?.Number, View.Active?.Number, Words(View.QuietWindow));
            yield return (RetireHold.GraceRunning, !holds.Contains(RetireHold.GraceRunning), "The grace period is over.");
            yield return (RetireHold.NewVersionFailing, !holds.Contains(RetireHold.NewVersionFailing), $"No call on version {fresh} failed in the last {quiet}.");
            yield return (RetireHold.OldVersionUsed, !holds.Contains(RetireHold.OldVersionUsed), $"No new call used version {old} in the last {quiet}.");
            yield return (RetireHold.OldVersionInFlight, !holds.Contains(RetireHold.OldVersionInFlight), $"No call on version {old} is under way.");
        }
    }

    private static string Words(TimeSpan window) => window.TotalHours >= 1 ? $"{window.TotalHours:0.#} h" : window.TotalMinutes >= 1 ? $"{window.TotalMinutes:0.#} min" : $"{window.TotalSeconds:0} s";

    private async Task RollBackAsync()
    {
        if (_busy) return;
        _busy = true;
        Succeeded(await Back.ExecuteAsync(Actor, Ws, View.Credential, new RollBack.Input(View.Rotation?.Seen), Gone).OrUnavailableAsync(), $"Version {View.Retiring?.Number} is in use again.");
        _busy = false;
        await Moved.InvokeAsync();
    }

    private async Task RetireAsync()
    {
        if (_busy || _confirm != View.Credential) return;
        _busy = true;
        Succeeded(await Retire.ExecuteAsync(Actor, Ws, View.Credential, new RetireVersion.Input(Force: true, View.Rotation?.Seen), Gone).OrUnavailableAsync(), $"Version {View.Retiring?.Number} is destroyed.");
        _busy = false;
        await Moved.InvokeAsync();
    }
}
