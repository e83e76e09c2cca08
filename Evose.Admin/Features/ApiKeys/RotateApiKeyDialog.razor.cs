using Evose.Admin.Domain;
using Evose.Admin.Platform.Web;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>Asks how long the old key lives and has the new one made past the circuit: this component never holds a key.</summary>
public sealed partial class RotateApiKeyDialog : ComponentBase
{
    private const string Snippet = "curl -H \"Authorization: Bearer {value}\" {origin}/api/v1/workspaces";

    private static readonly (TimeSpan Span, string Text)[] Overlaps =
    [
        (TimeSpan.Zero, "no longer, end it now"),
        (TimeSpan.FromHours(1), "1 hour"),
        (TimeSpan.FromHours(24), "24 hours"),
        (TimeSpan.FromDays(3), "3 days"),
        (TimeSpan.FromDays(7), "7 days"),
    ];

    private TimeSpan _overlap = RotateApiKey.DefaultOverlap;
    private bool _busy;
    private bool _shown;
    private Problem? _problem;
    private ShowOnce _once = null!;

    [Inject] public required OneTimeTickets Tickets { get; init; }

    [CascadingParameter] public IMudDialogInstance? Dialog { get; set; }

    [Parameter, EditorRequired] public Actor Actor { get; set; } = Actor.Nobody;

    [Parameter, EditorRequired] public ApiKeyListQuery.Row Key { get; set; } = null!;

    private async Task SendAsync()
    {
        _busy = true;
        _problem = null;
        // From here on only the button closes it: Escape would lose what is shown once.
        if (Dialog is not null) await Dialog.SetOptionsAsync(Dialog.Options with { CloseOnEscapeKey = false });
        var answer = await _once.RunAsync(ApiKeysFeature.RotateTicketPath, Tickets.Issue(Actor, new RotateApiKey.Input(Key.Id.ToString(), _overlap)));
        _busy = false;
        _shown = answer.Shown;
        if (!answer.Ok) _problem = Problem.Malformed(answer.Message ?? "The key was not rotated. Try again.");
    }

    private async Task CloseAsync()
    {
        if (_shown) await _once.ClearAsync();
        Dialog?.Close();
    }
}
