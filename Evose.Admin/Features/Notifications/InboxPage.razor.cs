using Evose.Admin.Domain;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Notifications;

/// <summary>The inbox: state and workspace stand in the address.</summary>
public sealed partial class InboxPage : AdminPage
{
    private List<InboxQuery.Row>? _rows;
    private string? _next;

    [Inject] public required InboxQuery Inbox { get; init; }

    [Inject] public required AcknowledgeNotification Acknowledge { get; init; }

    [SupplyParameterFromQuery(Name = "state")] public string? State { get; set; }

    [SupplyParameterFromQuery(Name = "workspace")] public string? Workspace { get; set; }

    [SupplyParameterFromQuery(Name = "severity")] public string? AtLeast { get; set; }

    [Inject] public required SnoozeNotification Snooze { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    // What is not one of the words is dropped.
    private string? Least => AtLeast is { } word && InboxQuery.Severities.Contains(word) && word != InboxQuery.Severities[0] ? word : null;

    private string Shown => State is { } state && InboxQuery.States.Contains(state) ? state : InboxQuery.States[0];

    protected override async Task OnParametersSetAsync()
    {
        _rows = null;
        await LoadAsync(null);
    }

    private Task MoreAsync() => LoadAsync(_next);

    private async Task LoadAsync(string? cursor)
    {
        var outcome = await Inbox.RunAsync(Actor, Shown, Workspace, 50, cursor, Gone, Least);
        if (outcome.Failed(out var problem, out var page))
        {
            Problem = problem;
            return;
        }
        Problem = null;
        _rows = [.. cursor is null ? [] : _rows ?? [], .. page.Data];
        _next = page.NextCursor;
    }

    private async Task AcknowledgeAsync(InboxQuery.Row row)
    {
        if (!Succeeded(await Acknowledge.ExecuteAsync(Actor, row.Id, Gone), "Acknowledged.")) return;
        await LoadAsync(null);
    }

    private async Task SnoozeAsync(InboxQuery.Row row, int days)
    {
        if (!Succeeded(await Snooze.ExecuteAsync(Actor, row.Id, Clock.GetUtcNow() + TimeSpan.FromDays(days), Gone), days == 1 ? "It comes back tomorrow." : $"It comes back in {days} days.")) return;
        await LoadAsync(null);
    }

    private void Narrow(ChangeEventArgs e) => Navigation.NavigateTo(Link(Shown, Workspace, (string?)e.Value is "info" ? null : (string?)e.Value));

    private string Link(string state, string? workspace) => Link(state, workspace, Least);

    private static string Link(string state, string? workspace, string? severity)
    {
        var parts = new List<string>();
        if (severity is not null) parts.Add($"severity={severity}");
        if (state != InboxQuery.States[0]) parts.Add($"state={state}");
        if (!string.IsNullOrEmpty(workspace)) parts.Add($"workspace={Uri.EscapeDataString(workspace)}");
        return parts.Count == 0 ? Urls.Notifications : $"{Urls.Notifications}?{string.Join('&', parts)}";
    }

    private static string Words(string state) => state switch { "open" => "Open", "acknowledged" => "Acknowledged", "snoozed" => "Put aside", _ => "All" };

    private static string Label(string kind) => kind switch
    {
        "expiry_soon" => "expires soon",
        "expired" => "expired",
        "retirement_held" => "retirement held",
        "version_retired" => "version retired",
        "job_failed" => "job failed",
        "integrity_violation" => "integrity",
        "sign_in_needed" => "needs sign-in",
        "authorizer_gone" => "person gone",
        "channel_disabled" => "channel disabled",
        "escalated" => "nobody reacts",
        "update_forced" => "calls refused",
        "hygiene_finding" => "hygiene",
        "leak_reported" => "leak",
        _ => kind,
    };

    private static string Tone(string kind) => kind switch
    {
        "expiry_soon" => "expiring",
        "expired" => "expired",
        "retirement_held" or "authorizer_gone" or "channel_disabled" or "hygiene_finding" => "held",
        "version_retired" => "retired",
        _ => "failed",
    };

    private static string Act(string kind) => kind is "expiry_soon" or "expired" or "escalated" or "update_forced" ? "Rotate" : kind == "sign_in_needed" ? "Sign in again" : "Open";
}
