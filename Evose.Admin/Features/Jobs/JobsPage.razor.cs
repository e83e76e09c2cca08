using Evose.Admin.Domain;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Jobs;

/// <summary>The clock's work for organization admins, who may start a job, and reviewers, who may look.</summary>
public sealed partial class JobsPage : AdminPage
{
    private static readonly Dictionary<string, string> Purposes = new(StringComparer.Ordinal)
    {
        ["scan-expiry"] = "Tells people of credentials that near their expiry date.",
        ["verify-audit-chain"] = "Recomputes the audit chains from their first rows and raises an alarm when they are not as the app wrote them.",
        ["rotation-retire-overdue"] = "Destroys old versions whose grace period is over and that nobody uses any more.",
        ["retire-calls"] = "Drops calls that are older than Retention:Calls says, in whole segments or months.",
        ["scan-hygiene"] = "Looks at every workspace for bad habits that only time or use brought about.",
        ["deliver-notifications"] = "Sends what waits for channels: mail, chat and webhooks.",
        ["escalate-notifications"] = "Tells admins of what nobody has reacted to.",
        ["oauth-keep-tokens"] = "Refreshes OAuth tokens before they end.",
        ["housekeeping"] = "Deletes unused staged values, kept answers and old history.",
    };

    private JobsQuery.View? _view;
    private string? _starting;

    [Inject] public required JobsQuery Query { get; init; }

    [Inject] public required TriggerJob Trigger { get; init; }

    /// <summary>Only this job's history.</summary>
    [SupplyParameterFromQuery(Name = "job")] public string? Job { get; set; }

    protected override Task OnParametersSetAsync() => LoadAsync();

    private async Task LoadAsync()
    {
        var outcome = await Query.RunAsync(Actor, string.IsNullOrEmpty(Job) ? null : Job, Gone);
        if (outcome.Failed(out var problem, out var view))
        {
            if (problem.Kind is ProblemKind.Forbidden or ProblemKind.NotFound) Navigation.NotFound();
            Problem = problem;
            return;
        }
        (Problem, _view) = (null, view);
    }

    private async Task RunNowAsync(string name)
    {
        _starting = name;
        if (Succeeded(await Trigger.ExecuteAsync(Actor, name, Gone), $"{Title(name)} starts within a second. Refresh to see how it went.")) await LoadAsync();
        _starting = null;
    }

    private static string JobUrl(string name) => $"{Urls.Jobs}?job={Uri.EscapeDataString(name)}";

    internal static string Title(string name)
    {
        var words = name.Replace('-', ' ').Replace("oauth", "OAuth", StringComparison.Ordinal);
        return words.Length == 0 ? words : char.ToUpperInvariant(words[0]) + words[1..];
    }

    internal static string Purpose(string name) => Purposes.GetValueOrDefault(name, "");

    private static string Chip(string state) => state == "late" ? "held" : state;

    private static string Words(TimeSpan interval) => interval switch
    {
        { TotalSeconds: < 60 } => $"{interval.TotalSeconds:0} s",
        { TotalMinutes: < 60 } => $"{interval.TotalMinutes:0} min",
        { TotalHours: < 24 } => $"{interval.TotalHours:0} h",
        _ => "night, 03:00 UTC",
    };

    private static string Took(TimeSpan? duration) => duration switch
    {
        null => "–",
        { TotalSeconds: < 1 } d => $"{d.TotalMilliseconds:0} ms",
        { TotalMinutes: < 1 } d => $"{d.TotalSeconds:0.0} s",
        { } d => $"{d.TotalMinutes:0.0} min",
    };
}
