using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Intake;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.Features.Rotation;

/// <summary>Step 2: the new value goes past the page into the vault, then a check says whether the upstream accepts it.</summary>
public sealed partial class EnterStep : AdminPage
{
    private CredentialValueInput? _field;
    private string? _error, _reason;
    private DateOnly? _expires;
    private bool _busy;

    [Inject] public required StagedValues Staged { get; init; }

    [Inject] public required StartRotation Start { get; init; }

    [Inject] public required SkipVerification Skip { get; init; }

    [Parameter, EditorRequired] public string Ws { get; set; } = "";

    [Parameter, EditorRequired] public RotationQuery.View View { get; set; } = null!;

    [Parameter] public ImpactQuery.View? Impact { get; set; }

    [Parameter] public ProviderQuery.View? Provider { get; set; }

    [Parameter] public EventCallback Moved { get; set; }

    private async Task StoreAsync()
    {
        if (_busy) return;
        _busy = true;
        try
        {
            if (!await _field!.HasValueAsync())
            {
                _error = "Enter the new value.";
                return;
            }
            if ((_error = await _field.SendAsync(() => Staged.Issue(Actor))) is not null) return;
            var outcome = await Start.ExecuteAsync(Actor, Ws, View.Credential, new StartRotation.Input(null, _field.Staged, ExpiresAt: _expires?.ToString("yyyy-MM-dd", System.Globalization.CultureInfo.InvariantCulture)), Gone).OrUnavailableAsync();
            if (outcome.Failed(out var problem, out var started))
            {
                _error = problem.Message;
                return;
            }
            Snackbar.Add($"Version {started.Version} is stored.", Severity.Success);
            if (started.Warning is not null) Snackbar.Add(started.Warning, Severity.Warning, o => o.RequireInteraction = true);
            await Moved.InvokeAsync();
        }
        finally
        {
            _busy = false;
        }
    }

    private async Task SkipAsync()
    {
        if (_busy) return;
        _busy = true;
        Succeeded(await Skip.ExecuteAsync(Actor, Ws, View.Credential, new SkipVerification.Input(_reason, View.Rotation?.Seen), Gone).OrUnavailableAsync(), "The value goes on without a check.");
        _busy = false;
        await Moved.InvokeAsync();
    }
}
