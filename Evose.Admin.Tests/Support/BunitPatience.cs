using System.Runtime.CompilerServices;
using Bunit;
using Microsoft.AspNetCore.Components;

namespace Evose.Admin.Tests.Support;

internal static class BunitPatience
{
    // One second is not enough when both cores are busy with other tests; a page that never comes fails all the same.
    [ModuleInitializer]
    internal static void Extend() => BunitContext.DefaultWaitTimeout = TimeSpan.FromSeconds(60);

    /// <summary>Does it in the page's own turn, so that what follows sees its effect even when the page is drawing just now.</summary>
    public static void Now<T>(this IRenderedComponent<T> page, Action act)
        where T : IComponent => page.InvokeAsync(act).GetAwaiter().GetResult();
}
