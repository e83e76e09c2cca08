namespace Evose.Admin.Platform.Web;

/// <summary>
/// The ambient request of pages and of the REST surface. Brokered calls have none: nothing on their way asks for it, and an ambient value would be carried through every wait of every call.
/// </summary>
internal sealed class PageContext : IHttpContextAccessor
{
    private readonly HttpContextAccessor _inner = new();

    public HttpContext? HttpContext
    {
        get => _inner.HttpContext;
        set
        {
            if (value is not null && value.Request.Path.StartsWithSegments("/broker", StringComparison.OrdinalIgnoreCase)) return;
            _inner.HttpContext = value;
        }
    }
}
