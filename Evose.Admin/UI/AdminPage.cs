using Evose.Admin.Domain;
using Microsoft.AspNetCore.Components;
using MudBlazor;

namespace Evose.Admin.UI;

/// <summary>
/// Base of interactive pages: who acts, a token that ends with the page, and problems shown where the person looks.
/// </summary>
public abstract class AdminPage : ComponentBase, IDisposable
{
    private readonly CancellationTokenSource _gone = new();

    [Inject] public required ISnackbar Snackbar { get; init; }

    [Inject] public required NavigationManager Navigation { get; init; }

    [CascadingParameter] public Actor Actor { get; set; } = Actor.Nobody;

    /// <summary>Cancelled when the page is left.</summary>
    protected CancellationToken Gone => _gone.Token;

    /// <summary>What stands in the way of showing the page; pages render <c>ProblemAlert</c> with it.</summary>
    protected Problem? Problem { get; set; }

    /// <summary>True when it succeeded; otherwise the problem is shown as a snackbar.</summary>
    protected bool Succeeded<T>(Outcome<T> outcome, string? done = null)
    {
        if (outcome.Failed(out var problem))
        {
            Snackbar.Add(problem.Message, Severity.Error, o => o.RequireInteraction = true);
            return false;
        }
        if (done is not null) Snackbar.Add(done, Severity.Success);
        return true;
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (!disposing) return;
        _gone.Cancel();
        _gone.Dispose();
    }
}
