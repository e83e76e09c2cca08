using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Providers;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Providers;

/// <summary>One record: what it says, and for organization admins its editor with a preview.</summary>
public sealed partial class ProviderPage : AdminPage
{
    private ProviderEntry? _entry;
    private bool _canManage, _editing, _busy, _mayDelete;
    private string _json = "";
    private string? _wrong, _shown;

    [Inject] public required ProviderListQuery Query { get; init; }

    [Inject] public required SaveProvider Save { get; init; }

    [Inject] public required DeleteProvider Delete { get; init; }

    [Inject] public required Authorizer Authorizer { get; init; }

    [Parameter] public string Id { get; set; } = "";

    private bool IsNew => Id == Urls.NewId;

    // What the editor holds, once it can be kept.
    private ProviderRecord? Draft => SaveProvider.Parse(IdOf(_json), _json).Failed(out _, out var record) ? null : record;

    protected override async Task OnParametersSetAsync()
    {
        if (_shown == Id) return;
        _shown = Id;
        _canManage = (await Authorizer.RightsAsync(Actor, null, Gone)).Allows(Permission.ManageOrganization);
        if (IsNew)
        {
            if (!_canManage) Navigation.NotFound();
            else (_json, _editing) = (ProviderJson.WriteIndented(Blank), true);
            return;
        }
        await LoadAsync();
    }

    private async Task LoadAsync()
    {
        if ((await Query.OneAsync(Actor, Id, Gone)).Failed(out var problem, out var entry))
        {
            Problem = problem;
            if (problem.Kind is ProblemKind.NotFound or ProblemKind.Forbidden) Navigation.NotFound();
            return;
        }
        (Problem, _entry, _editing, _mayDelete) = (null, entry, false, false);
    }

    private void Edit() => (_json, _editing, _wrong) = (ProviderJson.WriteIndented(_entry!.Tampered ? Blank with { Id = Id } : _entry.Written), true, null);

    private void Leave() => _editing = IsNew;

    private async Task SaveAsync()
    {
        if (_busy) return;
        _busy = true;
        var id = IsNew ? IdOf(_json) : Id;
        var outcome = await Save.ExecuteAsync(Actor, new SaveProvider.Input(id, _json, IsNew ? 0 : _entry!.Revision), Gone).OrUnavailableAsync();
        _busy = false;
        if (outcome.Failed(out var problem, out var saved))
        {
            _wrong = problem.Kind == ProblemKind.Conflict && IsNew ? "There is already an own record with this id. Open it to change it." : problem.Message;
            if (problem.Details?.GetValueOrDefault("field") is string field) _wrong = $"{field}: {_wrong}";
            return;
        }
        Snackbar.Add($"The record of {saved.Id} is saved, as revision {saved.Revision}.", Severity.Success);
        _wrong = null;
        if (IsNew) Navigation.NavigateTo(Urls.Provider(saved.Id));
        else await LoadAsync();
    }

    private async Task DeleteAsync()
    {
        if (_busy) return;
        _busy = true;
        var outcome = await Delete.ExecuteAsync(Actor, new DeleteProvider.Input(Id, _mayDelete), Gone).OrUnavailableAsync();
        _busy = false;
        if (outcome.Failed(out var problem))
        {
            Problem = problem;
            // The second press is the answer to what the first one showed.
            _mayDelete = problem.Details?.GetValueOrDefault("state") is "in_use";
            return;
        }
        Snackbar.Add("The record is deleted.", Severity.Success);
        if (_entry!.Origin == ProviderOrigin.Override) await LoadAsync();
        else Navigation.NavigateTo(Urls.Providers);
    }

    private static string IdOf(string json) => ProviderJson.Read(json).Failed(out _, out var record) ? "" : record.Id;

    private static readonly ProviderRecord Blank = new()
    {
        Id = "acme_crm",
        Name = new Words("Acme CRM", "Acme 客户管理"),
        BaseUrl = "https://api.acme.example/v1",
        Hosts = ["api.acme.example"],
        Inputs = [new ProviderInput { Label = new Words("API key", "API 密钥"), Place = FieldPlace.Header, At = "Authorization", Format = "Bearer {}" }],
        Probe = new ProviderProbe { Url = "https://api.acme.example/v1/me" },
        ConsoleUrl = "https://acme.example/settings/keys",
        Steps = new Steps(["Open the settings and choose Keys.", "Make a key and copy it."], ["打开设置，选择“密钥”。", "新建密钥并复制。"]),
        Notes = Words.None,
    };
}
