using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Support;

/// <summary>A web site on loopback that a browser would be signed in at: it gives a new session id with every answer, and knows only the newest ones.</summary>
public sealed class RollingSite : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _known = [];
    private int _issued;
    private Upstream? _upstream;

    /// <summary>How many newer ids there may be before one is over. 0: only the newest is good.</summary>
    public int Patience { get; init; }

    /// <summary>What it says to whom it does not know.</summary>
    public Func<HttpContext, Task> LoggedOut { get; set; } = context =>
    {
        context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        return Task.CompletedTask;
    };

    /// <summary>What it does before it looks at a call's cookies.</summary>
    public Func<HttpContext, Task> Before { get; set; } = _ => Task.CompletedTask;

    /// <summary>Further Set-Cookie headers of a good answer.</summary>
    public Func<HttpContext, IEnumerable<string>> AlsoSets { get; set; } = _ => [];

    public Upstream Upstream => _upstream!;

    public string Url => Upstream.Url;

    public string Host => $"127.0.0.1:{Upstream.Port}";

    public int Issued => _issued;

    public static async Task<RollingSite> StartAsync(int patience = 0)
    {
        var site = new RollingSite { Patience = patience };
        site._upstream = await Upstream.StartAsync(site.AnswerAsync);
        return site;
    }

    /// <summary>A new session; its id.</summary>
    public string SignIn()
    {
        lock (_gate)
        {
            _known.Clear();
            return Issue();
        }
    }

    /// <summary>Ends the session.</summary>
    public void SignOut()
    {
        lock (_gate) _known.Clear();
    }

    private string Issue()
    {
        var id = $"sid-{++_issued}-{Guid.CreateVersion7():N}";
        _known[id] = _issued;
        return id;
    }

    private async Task AnswerAsync(HttpContext context, Upstream.Seen seen)
    {
        await Before(context);
        string? next = null;
        lock (_gate)
        {
            var id = seen.Headers.GetValueOrDefault("Cookie", "").Split("; ").FirstOrDefault(c => c.StartsWith("sid=", StringComparison.Ordinal))?[4..];
            if (id is not null && _known.TryGetValue(id, out var number) && _issued - number <= Patience) next = Issue();
        }
        if (next is null)
        {
            await LoggedOut(context);
            return;
        }
        context.Response.Headers.Append("Set-Cookie", $"sid={next}; Path=/; HttpOnly; SameSite=Lax");
        foreach (var also in AlsoSets(context)) context.Response.Headers.Append("Set-Cookie", also);
        await context.Response.WriteAsJsonAsync(new { user = "ada", number = _issued });
    }

    public ValueTask DisposeAsync() => Upstream.DisposeAsync();
}
