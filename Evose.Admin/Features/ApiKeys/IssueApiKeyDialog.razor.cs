using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>Asks what a key is for and has it issued past the circuit: this component never holds the key.</summary>
public sealed partial class IssueApiKeyDialog : ComponentBase
{
    private static readonly (string Scope, string Text)[] All =
    [
        (ApiKeyScopes.ToolInvoke, "call tools through the broker"),
        (ApiKeyScopes.Read, "read lists, metadata and calls"),
        (ApiKeyScopes.AuditRead, "read and export the audit trail"),
        (ApiKeyScopes.Admin, "register, change and rotate"),
        (ApiKeyScopes.All, "everything"),
    ];

    private readonly HashSet<string> _scopes = [ApiKeyScopes.ToolInvoke];
    private readonly HashSet<string> _places = [];
    private string _name = "";
    private string? _agent;
    private int _days = 90;
    private bool _everywhere;
    private bool _busy;
    private bool _shown;
    private Problem? _problem;
    private (string Field, string Message)? _wrong;
    private ShowOnce _once = null!;

    [Inject] public required OneTimeTickets Tickets { get; init; }

    [Inject] public required TimeProvider Clock { get; init; }

    [CascadingParameter] public IMudDialogInstance? Dialog { get; set; }

    [Parameter, EditorRequired] public Actor Actor { get; set; } = Actor.Nobody;

    [Parameter, EditorRequired] public IssueFormQuery.View Form { get; set; } = null!;

    private (string Scope, string Text)[] Choices => Form.Everywhere ? All : All[..^1];

    private int[] Days => Form.Forever ? [7, 30, 90, 365, 0] : [7, 30, 90, 365];

    private IReadOnlyList<string> Agents => _places.Count == 1 ? Form.Places.Single(p => p.Slug == _places.Single()).Agents : [];

    private string EndText => _days == 0 ? "A key without an end is a key that nobody looks at again. Prefer an end." : $"On {Clock.GetUtcNow().AddDays(_days).UtcDateTime:yyyy-MM-dd}. 90 days is a good habit.";

    private string Snippet => _scopes.Contains(ApiKeyScopes.ToolInvoke) && _places.Count == 1
        ? $"curl -H \"Authorization: Bearer {{value}}\" {{origin}}/broker/{_places.Single()}/YOUR-TOOL/"
        : "curl -H \"Authorization: Bearer {value}\" {origin}/api/v1/workspaces";

    protected override void OnInitialized()
    {
        if (Form.Places.Count == 1) _places.Add(Form.Places[0].Slug);
        _everywhere = Form.Everywhere && Form.Places.Count == 0;
    }

    private bool IsWrong(string field) => _wrong?.Field == field;

    private static void Toggle(HashSet<string> set, string item, bool on)
    {
        if (on) set.Add(item);
        else set.Remove(item);
    }

    private void SetPlace(string slug, bool on)
    {
        Toggle(_places, slug, on);
        _agent = null;
    }

    private void SetEverywhere(bool on)
    {
        _everywhere = on;
        _places.Clear();
        _agent = null;
    }

    private async Task SendAsync()
    {
        _busy = true;
        (_problem, _wrong) = (null, null);
        var ends = new IssueApiKey.Term(_days == 0 ? null : Clock.GetUtcNow().AddDays(_days));
        var input = new IssueApiKey.Input(_name, [.. _scopes], _everywhere ? null : [.. _places], _agent, ends);
        // From here on only the button closes it: Escape would lose what is shown once.
        if (Dialog is not null) await Dialog.SetOptionsAsync(Dialog.Options with { CloseOnEscapeKey = false });
        var answer = await _once.RunAsync(ApiKeysFeature.IssueTicketPath, Tickets.Issue(Actor, input));
        _busy = false;
        _shown = answer.Shown;
        if (answer.Ok) return;
        var message = answer.Message ?? "The key was not issued. Try again.";
        if (answer.Field is "name" or "scopes" or "workspaces" or "expires_at") _wrong = (answer.Field, message);
        else _problem = Problem.Malformed(message);
    }

    private async Task CloseAsync()
    {
        if (_shown) await _once.ClearAsync();
        Dialog?.Close();
    }
}
