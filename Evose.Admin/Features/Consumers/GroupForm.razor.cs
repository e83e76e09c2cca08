using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Consumers;

/// <summary>The editor of an agent or a workflow. It keeps what was chosen until the save succeeded or the page is left.</summary>
public sealed partial class GroupForm : ComponentBase
{
    private string _name = "";
    private string _description = "";
    private HashSet<string> _tools = [];
    private HashSet<string> _agents = [];
    private bool _dirty;
    private bool _saving;
    private Problem? _problem;

    [Parameter, EditorRequired] public string Ws { get; set; } = "";

    [Parameter, EditorRequired] public ConsumerKind Kind { get; set; }

    /// <summary>What is edited; null for a new one.</summary>
    [Parameter] public ConsumerDetailQuery.View? View { get; set; }

    [Parameter, EditorRequired] public PickListQuery.View Picks { get; set; } = default!;

    [Parameter] public EventCallback<SavedConsumer> Saved { get; set; }

    [CascadingParameter] public Actor Actor { get; set; } = Actor.Nobody;

    [Inject] public required SaveAgent SaveAgent { get; init; }

    [Inject] public required SaveWorkflow SaveWorkflow { get; init; }

    private string NameHelp => View is not null && _name.Trim() != View.Name
        ? $"Callers name it in X-Evose-{(Kind == ConsumerKind.Agent ? "Agent" : "Workflow")}: '{View.Name}' stops working there once this is saved. Scopes and links stay."
        : $"What callers send in X-Evose-{(Kind == ConsumerKind.Agent ? "Agent" : "Workflow")}: lower-case letters, digits, '-' and '_'.";

    protected override void OnInitialized()
    {
        if (View is null) return;
        (_name, _description) = (View.Name, View.Description ?? "");
        _tools = [.. View.MemberNames(ConsumerKind.Tool)];
        _agents = [.. View.MemberNames(ConsumerKind.Agent)];
    }

    private async Task SaveAsync()
    {
        _saving = true;
        var name = _name.Trim();
        var target = View is null
            ? new ConsumerTarget(name, Revision: 0, Description: _description)
            : new ConsumerTarget(View.Name, name, View.Revision, _description);
        string[] tools = [.. _tools.Order(StringComparer.Ordinal)];
        var outcome = Kind == ConsumerKind.Agent
            ? await SaveAgent.ExecuteAsync(Actor, Ws, new SaveAgent.Input(target, tools), CancellationToken.None).OrUnavailableAsync()
            : await SaveWorkflow.ExecuteAsync(Actor, Ws, new SaveWorkflow.Input(target, tools, [.. _agents.Order(StringComparer.Ordinal)]), CancellationToken.None).OrUnavailableAsync();
        _saving = false;
        if (outcome.Failed(out _problem, out var saved)) return;
        _dirty = false;
        await Saved.InvokeAsync(saved);
    }

    private void Touch() => _dirty = true;

    private string? ErrorAt(string field) => _problem?.Details?.GetValueOrDefault("field") as string == field ? _problem.Message : null;
}
