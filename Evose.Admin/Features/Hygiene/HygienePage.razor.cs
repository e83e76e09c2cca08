using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Hygiene;

/// <summary>Score and findings of a workspace, or of the organization. What is shown stands in the address.</summary>
public sealed partial class HygienePage : AdminPage
{
    private static readonly IReadOnlyList<(string State, string Label)> States = [("open", "Open"), ("accepted", "Accepted"), ("resolved", "Put right")];

    // What tells a given null from nothing given.
    private const string Same = "\0";

    private FindingsQuery.Summary? _summary;
    private Page<FindingsQuery.Row>? _page;
    private (string, string?, string?, string?, string?, string?)? _shown;
    private (FixFinding.Fixed Fix, string Workspace)? _fixed;
    private bool _handles, _manages, _busy, _allPlaces;

    [Inject] public required FindingsQuery Query { get; init; }

    [Inject] public required AcceptFinding Accept { get; init; }

    [Inject] public required ReopenFinding Reopen { get; init; }

    [Inject] public required FixFinding Fix { get; init; }

    [Inject] public required LookNow Look { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required IDialogService Dialogs { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [SupplyParameterFromQuery(Name = "rule")] public string? RuleInAddress { get; set; }

    [SupplyParameterFromQuery(Name = "severity")] public string? SeverityInAddress { get; set; }

    [SupplyParameterFromQuery(Name = "state")] public string? StateInAddress { get; set; }

    [SupplyParameterFromQuery(Name = "q")] public string? Search { get; set; }

    [SupplyParameterFromQuery(Name = "after")] public string? After { get; set; }

    private bool IsOrganization => Ws == Workspace.OrganizationSlug;

    // An unknown word in the address counts for nothing.
    private string? Rule => RuleInAddress is { } rule && HygieneRules.Find(rule) is not null ? rule : null;

    private string? Severity => SeverityInAddress is "high" or "medium" or "low" ? SeverityInAddress : null;

    private string Shown => States.Any(s => s.State == StateInAddress) ? StateInAddress! : "open";

    private bool Filtered => Rule is not null || Severity is not null || !string.IsNullOrWhiteSpace(Search) || After is not null;

    private string Verdict => _summary switch
    {
        { LookedAt: null } => "Not looked at yet",
        { Score.Subjects: 0 } => "Nothing to judge yet",
        { Score.Open.High: var high and > 0 } => $"{HygieneWords.Count(high, "finding")} of high severity: an incident waiting to happen",
        { Score.Open.Medium: var medium and > 0 } => $"{HygieneWords.Count(medium, "risk")} that {(medium == 1 ? "grows" : "grow")} with time",
        { Score.Open.Low: > 0 } => "In good order, a little untidy",
        _ => "In good order",
    };

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == (Ws, RuleInAddress, SeverityInAddress, StateInAddress, Search, After)) return;
        if (_shown?.Item1 != Ws)
        {
            (_summary, _fixed) = (null, null);
            var rights = await Authorizer.RightsAsync(Actor, Ws, Gone);
            (_handles, _manages) = (rights.Allows(Permission.HandleFindings), rights.Allows(Permission.ManageCredentials));
        }
        _shown = (Ws, RuleInAddress, SeverityInAddress, StateInAddress, Search, After);
        _page = null;
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        var filter = new FindingsQuery.Filter(Rule, Severity, Shown, FreeText.Refuse(Search, 64) is null ? Search : null, 100, After);
        var summary = await Query.SummaryAsync(Actor, Ws, filter, Gone);
        if (summary.Failed(out var problem, out var found))
        {
            Problem = problem;
            return;
        }
        var page = await Query.RunAsync(Actor, Ws, filter, Gone);
        (_summary, _page, Problem) = (found, page.Value ?? _page, page.Problem);
    }

    private async Task LookAsync()
    {
        _busy = true;
        if (Succeeded(await Look.ExecuteAsync(Actor, Ws, Gone), "Looked at, just now.")) await LoadAsync();
        _busy = false;
    }

    private async Task AcceptAsync(FindingsQuery.Row row)
    {
        var dialog = await Dialogs.ShowAsync<AcceptFindingDialog>("Accept for a time", new DialogParameters<AcceptFindingDialog> { { d => d.Actor, Actor }, { d => d.Row, row } });
        if (await dialog.Result is not { Canceled: false }) return;
        Snackbar.Add($"Accepted: {row.Subject}. It comes back at its date, or when something about it changes.", MudBlazor.Severity.Success);
        await LoadAsync();
    }

    private async Task ReopenAsync(FindingsQuery.Row row)
    {
        if (Succeeded(await Reopen.ExecuteAsync(Actor, row.Workspace, row.Id, Gone), "It is open again.")) await LoadAsync();
    }

    private async Task FixAsync(FindingsQuery.Row row)
    {
        var dialog = await Dialogs.ShowAsync<FixFindingDialog>(FixWord(row.Fix), new DialogParameters<FixFindingDialog> { { d => d.Actor, Actor }, { d => d.Row, row } });
        if (await dialog.Result is not { Canceled: false }) return;
        _busy = true;
        var outcome = await Fix.ExecuteAsync(Actor, row.Workspace, row.Id, new FixFinding.Input(row.Revision), Gone).OrUnavailableAsync();
        _busy = false;
        if (Succeeded(outcome)) _fixed = (outcome.Value!, row.Workspace);
        await LoadAsync();
    }

    private async Task UndoAsync()
    {
        if (_fixed is not { } done) return;
        _fixed = null;
        if (Succeeded(await Fix.UndoAsync(Actor, done.Workspace, done.Fix, Gone), "As it was before.")) await LoadAsync();
    }

    /// <summary>The address with some of the filters changed; a change starts at the first page.</summary>
    private string Link(string? rule = Same, string? severity = Same, string? state = Same, string? q = Same, string? after = null) =>
        Urls.Hygiene(Ws, rule == Same ? Rule : rule, severity == Same ? Severity : severity, state == Same ? (Shown == "open" ? null : Shown) : state, q == Same ? (string.IsNullOrWhiteSpace(Search) ? null : Search) : q, after);

    private static string? Text(ChangeEventArgs e) => e.Value?.ToString() is { Length: > 0 } text ? text : null;

    private static string Target(FindingsQuery.Row f) => f.Place switch
    {
        HygieneFixPlace.Tool => Urls.Tool(f.Workspace, f.Subject),
        HygieneFixPlace.Access => Urls.CredentialAccess(f.Workspace, f.Subject),
        HygieneFixPlace.Rotation => Urls.Rotate(f.Workspace, f.Subject),
        HygieneFixPlace.Credential => Urls.Credential(f.Workspace, f.Subject),
    };

    private static string GoWord(FindingsQuery.Row f) => f.Place switch
    {
        HygieneFixPlace.Tool => "View the tool",
        HygieneFixPlace.Access => "View its scope",
        HygieneFixPlace.Rotation => "Rotate",
        HygieneFixPlace.Credential => "View",
    };

    internal static string FixWord(HygieneFix fix) => fix switch
    {
        HygieneFix.NarrowScope => "Take the idle ones out",
        HygieneFix.TakeOwnership => "Make me the owner",
        HygieneFix.ForbidInUrl => "Switch it off",
        HygieneFix.None => "",
    };

    internal static string Word(HygieneSeverity severity) => severity switch { HygieneSeverity.High => "high", HygieneSeverity.Medium => "medium", HygieneSeverity.Low => "low" };

    internal static string Tone(HygieneSeverity severity) => severity switch { HygieneSeverity.High => "chip-bad", HygieneSeverity.Medium => "chip-warn", HygieneSeverity.Low => "chip-plain" };

    private static string Day(DateTimeOffset? at) => at?.UtcDateTime.AddTicks(-1).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture) ?? "";
}
