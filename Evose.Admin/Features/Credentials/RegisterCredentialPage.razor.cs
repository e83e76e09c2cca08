using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Credentials;

/// <summary>Registers a credential on one page; the value goes through the intake, the form knows only its id.</summary>
public sealed partial class RegisterCredentialPage : AdminPage
{
    private readonly HashSet<string> _tools = [], _agents = [], _workflows = [];
    private readonly List<string> _hosts = [];
    private ConsumerChoicesQuery.View? _choices;
    private CredentialValueInput? _value;
    private HostsInput? _hostsInput;
    private SessionInput? _session;
    private CredentialType _type;
    private string _name = "", _owner = "", _expires = "";
    private string? _description, _provider, _error;
    private bool _nobody, _busy, _forbidden, _submitted;

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required ConsumerChoicesQuery Choices { get; init; }

    [Inject] public required RegisterCredential Register { get; init; }

    [Inject] public required StagedValues Staged { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [SupplyParameterFromQuery(Name = "type")] public string? TypeWord { get; set; }

    private bool ScopeIsEmpty => _tools.Count + _agents.Count + _workflows.Count == 0;

    private string? NameProblem => _name.Length == 0 ? (_submitted ? "Give it a name." : null) : CredentialName.IsValid(_name) ? null : CredentialName.Rule;

    private string NameHelp => _name.Length == 0 ? "{service}_{env}, such as openai_prod. Tools name the credential by it." : CredentialName.Advise(_name) ?? $"Follows the convention: {CredentialName.Environment(_name)} environment.";

    private string? Suggestion => _name.Length > 0 && (!CredentialName.IsValid(_name) || CredentialName.Environment(_name) is null) && CredentialName.Suggest(_name) is { } better && better != _name ? better : null;

    private string ValueHelp => _value is not { Staged.Count: > 0 } ? (_type == CredentialType.Cookie ? "A Cookie header, a request copied as cURL, a cookies.txt or a browser extension's JSON. " : "") + "Sent straight to the vault, never shown again. Blanks and line breaks at its ends are removed."
        : "The value you entered is kept, sealed, for 15 minutes: you need not enter it again.";

    private List<string> HostsOfTools => [.. _tools.Select(t => _choices?.ToolHosts.GetValueOrDefault(t)).OfType<string>().Distinct().Order(StringComparer.Ordinal)];

    protected override void OnParametersSet() => _type = CredentialWords.ParseType(TypeWord ?? "api_key").Failed(out _, out var type) ? CredentialType.ApiKey : type;

    protected override async Task OnInitializedAsync()
    {
        if (!(await Authorizer.RightsAsync(Actor, Ws, Gone)).Allows(Permission.ManageCredentials))
        {
            _forbidden = true;
            return;
        }
        if ((await Choices.RunAsync(Actor, Ws, Gone)).Failed(out var problem, out var choices)) Problem = problem;
        _choices = choices;
        _owner = Actor.Name;
    }

    private void Typed(ChangeEventArgs e) => _name = (string?)e.Value ?? "";

    private void Rename(string name) => _name = name;

    private async Task SaveAsync()
    {
        (_submitted, _error, _busy) = (true, null, true);
        try
        {
            _error = await TryAsync();
        }
        finally
        {
            _busy = false;
        }
    }

    private async Task<string?> TryAsync()
    {
        if (NameProblem is { } badName) return badName;
        if (ScopeIsEmpty && !_nobody) return "The scope is empty, so nobody may use it. Choose who may, or confirm that nobody may for now.";
        if (!await _hostsInput!.FlushAsync()) return "One of the hosts cannot be kept. Correct it first.";
        SessionRules? rules = null;
        if (_type == CredentialType.Cookie && _session!.Read().Failed(out var badSession, out rules)) return badSession.Message;
        if (await _value!.HasValueAsync())
        {
            if (await _value.SendAsync(() => Staged.Issue(Actor)) is { } refused) return refused;
        }
        if (_value.Staged.Count == 0) return "Enter the value.";

        var input = new RegisterCredential.Input(_name, _type.Wire(), Staged: _value.Staged, Description: _description, Scope: new ScopeNames([.. _tools], [.. _agents], [.. _workflows]), AllowedHosts: _hosts.Count == 0 ? null : _hosts,
            Provider: _provider, Owner: _owner, ExpiresAt: _expires.Length == 0 ? null : _expires, Session: rules);
        if ((await Register.ExecuteAsync(Actor, Ws, input, Gone)).Failed(out var problem, out var made))
        {
            if (problem.Details?.GetValueOrDefault("field") is Credential.MainField or "fields." + Credential.MainField) _value.Forget();
            return problem.Message;
        }
        foreach (var warning in made.Warnings) Snackbar.Add(warning, Severity.Warning, o => o.RequireInteraction = true);
        Snackbar.Add($"{made.Name} is registered and in use as version 1.", Severity.Success);
        Navigation.NavigateTo(Urls.Credential(Ws, made.Name));
        return null;
    }
}
