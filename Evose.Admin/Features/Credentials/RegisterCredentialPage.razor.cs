using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Platform.Providers;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Credentials;

/// <summary>Registers a credential on one page; the value goes through the intake, the form knows only its id.</summary>
public sealed partial class RegisterCredentialPage : AdminPage
{
    private readonly HashSet<string> _tools = [], _agents = [], _workflows = [], _grants = [];
    private readonly List<string> _hosts = [];
    private ConsumerChoicesQuery.View? _choices;
    private CredentialValueInput? _value;
    private HostsInput? _hostsInput;
    private SessionInput? _session;
    private CredentialType _type;
    private string _name = "", _owner = "", _expires = "";
    private string? _description, _provider, _error;
    private IReadOnlyList<ProviderRecord> _providers = [];
    private IReadOnlyList<string> _prefilledHosts = [], _advice = [];
    private string? _prefilledName, _seenFor;
    private ProbeAnswer? _seen;
    private CancellationTokenSource? _checking;
    private bool _allowInUrl, _nobody, _busy, _forbidden, _submitted;

    [Inject] public required Authorizer Authorizer { get; init; }

    [Inject] public required ConsumerChoicesQuery Choices { get; init; }

    [Inject] public required RegisterCredential Register { get; init; }

    [Inject] public required StagedValues Staged { get; init; }

    [Inject] public required ProviderCatalog Providers { get; init; }

    [Inject] public required CheckNewValue Check { get; init; }

    [Parameter] public string Ws { get; set; } = "";

    [SupplyParameterFromQuery(Name = "type")] public string? TypeWord { get; set; }

    /// <summary>A service to begin with, by id.</summary>
    [SupplyParameterFromQuery(Name = "provider")] public string? ProviderId { get; set; }

    private ProviderRecord? Known => _provider is null ? null : _providers.FirstOrDefault(p => p.Id == _provider);

    private IReadOnlyList<FieldRule> KnownFields => Known is { } known && known.Type == _type && _type == CredentialType.Custom ? known.Injection.Fields : [];

    // What was checked is what is staged: a new value makes the answer moot.
    private string StagedNow => string.Join(',', _value?.Staged.Values.Order() ?? Enumerable.Empty<Guid>());

    private bool IsOrganization => Ws == Workspace.OrganizationSlug;

    // A scope names consumers of granted workspaces alone.
    private ConsumerChoicesQuery.View Reachable => IsOrganization ? _choices!.Within(_grants) : _choices!;

    private ScopeNames Scope => IsOrganization ? new ScopeNames([.. _tools.Where(Reachable.Tools.Contains)], [.. _agents.Where(Reachable.Agents.Contains)], [.. _workflows.Where(Reachable.Workflows.Contains)]) : new ScopeNames([.. _tools], [.. _agents], [.. _workflows]);

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
        _providers = [.. (await Providers.ListAsync(Gone)).Where(p => !p.Tampered).Select(p => p.Record)];
        _choices = choices;
        if (ProviderId is not null && _providers.FirstOrDefault(p => p.Id == ProviderId) is { } wanted)
        {
            _provider = wanted.Id;
            Prefill(wanted);
        }
        _owner = Actor.Name;
    }

    private void Typed(ChangeEventArgs e) => _name = (string?)e.Value ?? "";

    private void Rename(string name) => _name = name;

    // Only what nobody has written yet is filled in.
    private void Prefill(ProviderRecord provider)
    {
        if (_name.Length == 0 || _name == _prefilledName) _name = _prefilledName = provider.Id + "_prod";
        if (_hosts.SequenceEqual(_prefilledHosts))
        {
            _hosts.Clear();
            _hosts.AddRange(provider.Hosts);
            _prefilledHosts = [.. provider.Hosts];
        }
        (_seen, _advice) = (null, []);
        if (provider.Type != _type && (_value is null || _value.Staged.Count == 0)) Navigation.NavigateTo(Urls.NewCredential(Ws, provider.Type.Wire()), replace: true);
    }

    private async Task CheckAsync()
    {
        if (_checking is not null) return;
        using var checking = _checking = CancellationTokenSource.CreateLinkedTokenSource(Gone);
        (_error, _seen, _advice) = (null, null, []);
        try
        {
            _error = await TryCheckAsync(checking.Token);
        }
        catch (OperationCanceledException) when (!Gone.IsCancellationRequested)
        {
            Snackbar.Add("The check was cancelled; nothing is known about the value.", Severity.Info);
        }
        finally
        {
            _checking = null;
        }
    }

    private async Task<string?> TryCheckAsync(CancellationToken ct)
    {
        if (NameProblem is { } badName) return badName;
        if (!await _hostsInput!.FlushAsync()) return "One of the hosts cannot be kept. Correct it first.";
        if (await StageAsync() is { } refused) return refused;
        var input = new CheckNewValue.Input(_name, _type.Wire(), _provider, _value!.Staged, _hosts.Count == 0 ? null : _hosts);
        if ((await Check.ExecuteAsync(Actor, Ws, input, ct)).Failed(out var problem, out var made))
        {
            if (problem.Details?.GetValueOrDefault("field") is Credential.MainField) _value.Forget();
            return problem.Message;
        }
        (_seen, _advice, _seenFor) = (made.Answer, made.Advice, StagedNow);
        return null;
    }

    private async Task<string?> StageAsync()
    {
        if (await _value!.HasValueAsync() && await _value.SendAsync(() => Staged.Issue(Actor)) is { } refused) return refused;
        return _value.Staged.Count == 0 ? "Enter the value." : null;
    }

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
        // A token may be left out: signing in follows.
        var later = _type == CredentialType.OAuthToken && _value!.Staged.Count == 0 && !await _value.HasValueAsync();
        if (!later && await StageAsync() is { } refused) return refused;

        var input = new RegisterCredential.Input(_name, _type.Wire(), Staged: _value!.Staged, Description: _description, Scope: Scope, AllowedHosts: _hosts.Count == 0 ? null : _hosts,
            Provider: _provider, Owner: _owner, ExpiresAt: _expires.Length == 0 ? null : _expires,
            Injection: _value.Injection, AllowInUrl: _allowInUrl, Grants: IsOrganization ? [.. _grants] : null, Session: rules, Seen: _seenFor == StagedNow ? _seen : null);
        if ((await Register.ExecuteAsync(Actor, Ws, input, Gone).OrUnavailableAsync()).Failed(out var problem, out var made))
        {
            if (problem.Details?.GetValueOrDefault("field") is string gone && _value.Staged.ContainsKey(gone.StartsWith("fields.", StringComparison.Ordinal) ? gone[7..] : gone)) _value.Forget();
            return problem.Message;
        }
        foreach (var warning in made.Warnings) Snackbar.Add(warning, Severity.Warning, o => o.RequireInteraction = true);
        if (_type == CredentialType.OAuthToken)
        {
            Navigation.NavigateTo(Urls.Connect(Ws, made.Name));
            return null;
        }
        Snackbar.Add($"{made.Name} is registered and in use as version 1.", Severity.Success);
        Navigation.NavigateTo(Urls.Credential(Ws, made.Name));
        return null;
    }
}
