using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;

namespace Evose.Admin.Features.Audit;

/// <summary>The reviewer's list: every filter and the open row stand in the address; there is nothing to do here but read.</summary>
public sealed partial class AuditPage : AdminPage
{
    private const string Custom = "custom";

    private static readonly IReadOnlyList<(string Value, string Text)> Ranges = [("1h", "Last hour"), ("24h", "Last 24 hours"), ("7d", "Last 7 days"), ("30d", "Last 30 days")];

    private readonly Form _form = new();
    private IReadOnlyList<AuditPlacesQuery.Row>? _places;
    private List<AuditRow>? _rows;
    private AuditRow? _open;
    private ChainReport? _report;
    private string? _next, _loadedFor;
    private bool _loading, _verifying;

    [Inject] public required AuditQuery Query { get; init; }

    [Inject] public required AuditPlacesQuery Places { get; init; }

    [Inject] public required VerifyChain Verify { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    [Inject] public required IJSRuntime Script { get; init; }

    [SupplyParameterFromQuery(Name = "range")] public string? Range { get; set; }

    [SupplyParameterFromQuery(Name = "workspace")] public string? Workspace { get; set; }

    [SupplyParameterFromQuery(Name = "actor")] public string? ActorText { get; set; }

    [SupplyParameterFromQuery(Name = "action")] public string? Action { get; set; }

    [SupplyParameterFromQuery(Name = "credential")] public string? Credential { get; set; }

    [SupplyParameterFromQuery(Name = "tool")] public string? Tool { get; set; }

    [SupplyParameterFromQuery(Name = "agent")] public string? Agent { get; set; }

    [SupplyParameterFromQuery(Name = "outcome")] public string? Outcome { get; set; }

    [SupplyParameterFromQuery(Name = "created_after")] public string? CreatedAfter { get; set; }

    [SupplyParameterFromQuery(Name = "created_before")] public string? CreatedBefore { get; set; }

    /// <summary>The row whose details are open.</summary>
    [SupplyParameterFromQuery(Name = "row")] public string? Row { get; set; }

    private AuditFilter Filter => new(Workspace, ActorText, Action, Credential, Tool, Agent, Outcome, Since() ?? CreatedAfter, CreatedBefore);

    protected override async Task OnParametersSetAsync()
    {
        _form.Take(this);
        _places ??= await Places.RunAsync(Actor, Gone);
        var address = Address(null);
        if (_loadedFor != address)
        {
            (_loadedFor, _rows, _next) = (address, null, null);
            await LoadAsync(null);
        }
        _open = await FindAsync();
    }

    private async Task LoadAsync(string? cursor)
    {
        _loading = true;
        var outcome = await Query.RunAsync(Actor, Filter, 50, cursor, Gone);
        _loading = false;
        if (outcome.Failed(out var problem, out var page))
        {
            Problem = problem;
            return;
        }
        Problem = null;
        _rows = [.. cursor is null ? [] : _rows ?? [], .. page.Data];
        _next = page.NextCursor;
    }

    private Task MoreAsync() => LoadAsync(_next);

    private async Task<AuditRow?> FindAsync()
    {
        if (string.IsNullOrEmpty(Row) || Problem is not null) return null;
        return _rows?.Find(r => r.Id == Row) ?? (await Query.FindAsync(Actor, Row, Gone)).Value;
    }

    private void ApplyAsync() => Navigation.NavigateTo(_form.Url());

    private void Open(string id) => Navigation.NavigateTo(RowUrl(id), replace: Row is { Length: > 0 });

    private void Close() => Navigation.NavigateTo(Address(null));

    private string RowUrl(string id) => Address(id);

    private string Address(string? row)
    {
        var parts = new List<string>();
        if (Since() is not null) parts.Add($"range={Range}");
        if (new AuditFilter(Workspace, ActorText, Action, Credential, Tool, Agent, Outcome, Since() is null ? CreatedAfter : null, CreatedBefore).Query() is { Length: > 0 } query) parts.Add(query);
        if (row is not null) parts.Add($"row={Uri.EscapeDataString(row)}");
        return parts.Count == 0 ? Urls.Audit : $"{Urls.Audit}?{string.Join('&', parts)}";
    }

    private string Export(string format) => $"{AuditFeature.DownloadPath}?{(Filter.Query() is { Length: > 0 } query ? query + "&" : "")}format={format}";

    private async Task VerifyAsync()
    {
        _verifying = true;
        StateHasChanged();
        var outcome = await Verify.ExecuteAsync(Actor, Gone);
        _verifying = false;
        if (Succeeded(outcome)) _report = outcome.Value;
    }

    private async Task CopyLinkAsync()
    {
        try
        {
            await Script.InvokeVoidAsync("navigator.clipboard.writeText", Gone, Navigation.Uri);
            Snackbar.Add("Link copied: it shows this list with these filters.", MudBlazor.Severity.Success);
        }
        catch (JSException)
        {
            Snackbar.Add("The browser did not allow copying. The address bar has the same link.", MudBlazor.Severity.Warning);
        }
    }

    private string? Since() => Span(Range) is { } span ? (Clock.GetUtcNow() - span).UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture) : null;

    private static TimeSpan? Span(string? range) => range switch
    {
        "1h" => TimeSpan.FromHours(1),
        "24h" => TimeSpan.FromHours(24),
        "7d" => TimeSpan.FromDays(7),
        "30d" => TimeSpan.FromDays(30),
        _ => null,
    };

    internal static string Kind(string kind) => kind == "user" ? "" : kind.Replace('_', ' ');

    private static string Through(AuditRow e) => string.Join(" · ", new[] { e.Source != Chain.AuditLane ? e.Tool : null, e.Agent, e.Workflow, e.UserId }.Where(p => p is not null));

    /// <summary>What is typed and not yet applied.</summary>
    private sealed class Form
    {
        public string? Range, Workspace, Actor, Action, Credential, Tool, Agent, Outcome;

        public DateTime? After, Before;

        public void Take(AuditPage p)
        {
            (Workspace, Actor, Action, Credential, Tool, Agent, Outcome) = (p.Workspace, p.ActorText, p.Action, p.Credential, p.Tool, p.Agent, p.Outcome);
            (After, Before) = (Utc(p.CreatedAfter), Utc(p.CreatedBefore));
            Range = Span(p.Range) is not null ? p.Range : After is not null || Before is not null ? Custom : "";
        }

        public string Url()
        {
            var custom = Range == Custom;
            var query = new AuditFilter(Workspace, Actor, Action, Credential, Tool, Agent, Outcome, custom ? Text(After) : null, custom ? Text(Before) : null).Query();
            var range = Span(Range) is null ? "" : $"range={Range}";
            var all = string.Join('&', new[] { range, query }.Where(t => t.Length > 0));
            return all.Length == 0 ? Urls.Audit : $"{Urls.Audit}?{all}";
        }

        private static DateTime? Utc(string? text) =>
            DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at) ? at.UtcDateTime : null;

        private static string? Text(DateTime? at) => at?.ToString("yyyy-MM-dd'T'HH:mm'Z'", CultureInfo.InvariantCulture);
    }
}
