using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Consumers;

/// <summary>The editor of a tool. It keeps what was typed until the save succeeded or the page is left.</summary>
public sealed partial class ToolForm : ComponentBase
{
    private string _name = "";
    private string _baseUrl = "";
    private string _method = "";
    private string _body = "";
    private string _description = "";
    private List<PairRows.Row> _headers = [];
    private List<PairRows.Row> _query = [];
    private readonly HashSet<PairRows.Row> _filled = [];
    private readonly HashSet<string> _attached = [];
    private bool _dirty;
    private bool _saving;
    private Problem? _problem;
    private string? _errorPlace;

    [Parameter, EditorRequired] public string Ws { get; set; } = "";

    /// <summary>The tool to edit; null for a new one.</summary>
    [Parameter] public ConsumerDetailQuery.View? Tool { get; set; }

    [Parameter] public IReadOnlyList<string> Placeholders { get; set; } = [];

    /// <summary>Services to begin from; null offers none.</summary>
    [Parameter] public PickListQuery.View? Choices { get; set; }

    /// <summary>Credentials that travel by rules of their own.</summary>
    [Parameter] public IReadOnlyList<string> Attachable { get; set; } = [];

    [Parameter] public EventCallback<SavedConsumer> Saved { get; set; }

    [CascadingParameter] public Actor Actor { get; set; } = Actor.Nobody;

    [Inject] public required SaveTool Save { get; init; }

    private string NameHelp => Tool is not null && _name.Trim() != Tool.Name
        ? $"Callers use the name in the broker's address: '{Tool.Name}' stops working there once this is saved. Scopes and links stay."
        : "Part of the broker's address: lower-case letters, digits, '-' and '_'.";

    private string? RowError => _errorPlace is null ? null : _problem?.Message;

    protected override void OnInitialized()
    {
        if (Tool?.Config is not { } config)
        {
            _headers.Add(new PairRows.Row { Name = "Authorization" });
            return;
        }
        (_name, _baseUrl, _method, _body, _description) = (Tool.Name, config.BaseUrl, config.Method ?? "", config.Body ?? "", Tool.Description ?? "");
        _headers = RowsOf(config.Headers);
        _query = RowsOf(config.Query);
        _attached.UnionWith(config.Attached ?? []);
    }

    private async Task SaveAsync()
    {
        _saving = true;
        _headers.RemoveAll(IsBlank);
        _query.RemoveAll(IsBlank);
        var name = _name.Trim();
        var target = Tool is null
            ? new ConsumerTarget(name, Revision: 0, Description: _description)
            : new ConsumerTarget(Tool.Name, name, Tool.Revision, _description);
        var outcome = await Save.ExecuteAsync(Actor, Ws, new SaveTool.Input(target, "http", _baseUrl, _method, PairsOf(_headers), PairsOf(_query), _body, [.. _attached.Order(StringComparer.Ordinal)]), CancellationToken.None).OrUnavailableAsync();
        _saving = false;
        if (outcome.Failed(out _problem, out var saved))
        {
            _errorPlace = _problem.Details?.GetValueOrDefault("field") as string;
            return;
        }
        (_dirty, _errorPlace) = (false, null);
        await Saved.InvokeAsync(saved);
    }

    private void Touch() => _dirty = true;

    // What stands under other names stays: a person may have begun already.
    private void Fill(ToolConfig config)
    {
        _baseUrl = config.BaseUrl;
        Fill(_headers, config.Headers, StringComparison.OrdinalIgnoreCase);
        Fill(_query, config.Query, StringComparison.Ordinal);
        Touch();
    }

    private void Fill(List<PairRows.Row> rows, IReadOnlyDictionary<string, string> given, StringComparison names)
    {
        rows.RemoveAll(r => IsBlank(r) || _filled.Contains(r) || given.Keys.Any(name => string.Equals(name, r.Name.Trim(), names)));
        foreach (var (name, value) in given)
        {
            var row = new PairRows.Row { Name = name, Value = value };
            rows.Add(row);
            _filled.Add(row);
        }
    }

    private void Attach(string name, bool on)
    {
        if (on) _attached.Add(name);
        else _attached.Remove(name);
        Touch();
    }

    private void InsertIntoBody(string placeholder)
    {
        _body += placeholder;
        Touch();
    }

    private string? ErrorAt(string field) => _errorPlace == field ? _problem?.Message : null;

    // The form begins with a row for the key; without a value it was not wanted.
    private bool IsBlank(PairRows.Row row) => row.Value.Length == 0 && (string.IsNullOrWhiteSpace(row.Name) || (Tool is null && row.Name == "Authorization"));

    private static List<PairRows.Row> RowsOf(IReadOnlyDictionary<string, string> pairs) => [.. pairs.Select(p => new PairRows.Row { Name = p.Key, Value = p.Value })];

    private static IEnumerable<KeyValuePair<string, string?>> PairsOf(List<PairRows.Row> rows) => rows.Select(r => KeyValuePair.Create(r.Name, (string?)r.Value));
}
