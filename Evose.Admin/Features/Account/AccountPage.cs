using Evose.Admin.Domain;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Features.Account;

/// <summary>Base of the pages without a circuit: the request itself, who makes it, and a problem shown with its status.</summary>
public abstract class AccountPage : ComponentBase
{
    [CascadingParameter] public required HttpContext HttpContext { get; set; }

    protected Problem? Problem { get; private set; }

    protected Actor Caller => CurrentActor.Of(HttpContext);

    protected CancellationToken Gone => HttpContext.RequestAborted;

    protected bool IsPost => HttpMethods.IsPost(HttpContext.Request.Method);

    /// <summary>Leads to an address of this app, by path alone: the host that the request names proves nothing.</summary>
    protected void Go(string path) => HttpContext.Response.Redirect(path);

    /// <summary>The sentence for this field, when the problem is about it.</summary>
    protected string? Wrong(string field) => Problem?.Details?.GetValueOrDefault("field") as string == field ? Problem.Message : null;

    /// <summary>True when it succeeded; otherwise the page is answered with the problem's status.</summary>
    protected bool Succeeded<T>(Outcome<T> outcome)
    {
        if (!outcome.Failed(out var problem)) return true;
        Problem = problem;
        HttpContext.Response.StatusCode = ApiResults.Status(problem.Kind);
        return false;
    }
}
