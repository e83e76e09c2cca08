using System.Runtime.CompilerServices;
using Bunit;
using Microsoft.AspNetCore.Components;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Support;

/// <summary>How long a page may take to become what a test expects. It ends a wait that would never end; a page that is there is not waited for.</summary>
internal static class Patience
{
    // The libraries' own limits, a second and five, are for a machine with nothing else to do.
    [ModuleInitializer]
    public static void Set()
    {
        BunitContext.DefaultWaitTimeout = TimeSpan.FromMinutes(1);
        Assertions.SetDefaultExpectTimeout(60_000);
    }

    /// <summary>Does it in the page's own turn, so that what follows sees its effect even when the page is drawing just now.</summary>
    public static void Now<T>(this IRenderedComponent<T> page, Action act)
        where T : IComponent => page.InvokeAsync(act).GetAwaiter().GetResult();
}
