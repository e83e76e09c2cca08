using Evose.Admin.Platform.Data;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Credentials;

/// <summary>Scope and hosts of a credential, and the answer to who could use it.</summary>
public sealed partial class AccessTab : AdminPage
{
    private readonly HashSet<string> _tools = [], _agents = [], _workflows = [], _grants = [];
    private readonly List<string> _hosts = [];
    private ConsumerChoicesQuery.View? _choices;
    private HostsInput? _hostsInput;
    private AccessQuery.View? _answer;
    private string _tool = "", _agent = "", _workflow = "";
    private bool _busy, _allowInUrl;

    [Inject] public required ConsumerChoicesQuery Choices { get; init; }

    [Inject] public required ChangeScope Change { get; init; }

    [Inject] public required AccessQuery Access { get; init; }

    [Parameter, EditorRequired] public string Ws { get; set; } = "";

    [Parameter, EditorRequired] public CredentialView View { get; set; } = default!;

    [Parameter] public bool Manages { get; set; }

    [Parameter] public EventCallback Saved { get; set; }

    private bool IsOrganization => Ws == Domain.Workspaces.Workspace.OrganizationSlug;

    private ConsumerChoicesQuery.View Reachable => IsOrganization ? _choices!.Within(_grants) : _choices!;

    private bool IsEmpty => _tools.Count + _agents.Count + _workflows.Count == 0;

    protected override async Task OnInitializedAsync()
    {
        _tools.UnionWith(View.Scope.Tools!);
        _agents.UnionWith(View.Scope.Agents!);
        _workflows.UnionWith(View.Scope.Workflows!);
        _hosts.AddRange(View.AllowedHosts);
        _grants.UnionWith(View.Grants);
        _allowInUrl = View.AllowInUrl;
        var outcome = await Choices.RunAsync(Actor, Ws, Gone);
        (_choices, Problem) = (outcome.Value, outcome.Problem);
        // A member that was deleted since can only be taken out.
        if (_choices is null) return;
        _tools.IntersectWith(_choices.Tools);
        _agents.IntersectWith(_choices.Agents);
        _workflows.IntersectWith(_choices.Workflows);
    }

    private async Task SaveAsync()
    {
        if (!await _hostsInput!.FlushAsync()) return;
        _busy = true;
        if (IsOrganization)
        {
            _tools.IntersectWith(Reachable.Tools);
            _agents.IntersectWith(Reachable.Agents);
            _workflows.IntersectWith(Reachable.Workflows);
        }
        // The rules of travel go along as they were shown: after a change from outside, all must be given anew.
        var input = new ChangeScope.Input(new ScopeNames([.. _tools], [.. _agents], [.. _workflows]), _hosts, View.Revision, _allowInUrl, View.PolicyIntact ? null : View.Injection, IsOrganization ? [.. _grants] : null);
        var saved = Succeeded(await Change.ExecuteAsync(Actor, Ws, View.Name, input, Gone).OrUnavailableAsync(), "Saved. The next call obeys it.");
        _busy = false;
        if (saved) await Saved.InvokeAsync();
    }

    private async Task AskAsync()
    {
        var outcome = await Access.RunAsync(Actor, Ws, View.Name, new AccessQuery.Question(_tool, _agent, _workflow, null), Gone);
        if (Succeeded(outcome)) _answer = outcome.Value;
    }

    private static string Listed(IReadOnlyList<string>? names) => names is { Count: > 0 } ? string.Join(", ", names) : "none";

    private RenderFragment Choice(string label, string none, IReadOnlyList<string> names, string chosen, Action<string> choose) => builder =>
    {
        builder.OpenElement(0, "select");
        builder.AddAttribute(1, "aria-label", label);
        builder.AddAttribute(2, "data-testid", "access-" + label.ToLowerInvariant());
        builder.AddAttribute(3, "value", chosen);
        builder.AddAttribute(4, "onchange", EventCallback.Factory.Create<ChangeEventArgs>(this, e => choose((string?)e.Value ?? "")));
        builder.OpenElement(5, "option");
        builder.AddAttribute(6, "value", "");
        builder.AddContent(7, $"{label}: {none}");
        builder.CloseElement();
        foreach (var name in names)
        {
            builder.OpenElement(8, "option");
            builder.SetKey(name);
            builder.AddAttribute(9, "value", name);
            builder.AddContent(10, name);
            builder.CloseElement();
        }
        builder.CloseElement();
    };
}
