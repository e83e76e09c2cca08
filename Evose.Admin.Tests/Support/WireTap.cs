using System.Collections.Concurrent;
using System.Text;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Support;

/// <summary>Keeps everything that a browser window sends, gets and holds: frames both ways, requests and answers with headers and bodies, and what is looked at in the page.</summary>
public sealed class WireTap
{
    private readonly IPage _page;
    private readonly ConcurrentQueue<Task> _reading = new();

    public WireTap(Window window)
    {
        _page = window.Page;
        _page.Context.Request += (_, request) => _reading.Enqueue(ReadAsync(request));
        _page.Context.Response += (_, response) => _reading.Enqueue(ReadAsync(response));
        _page.WebSocket += (_, socket) =>
        {
            Sockets.Enqueue(socket.Url);
            socket.FrameSent += (_, frame) => Keep("frame sent", socket.Url, frame.Binary ?? Encoding.UTF8.GetBytes(frame.Text ?? ""));
            socket.FrameReceived += (_, frame) => Keep("frame received", socket.Url, frame.Binary ?? Encoding.UTF8.GetBytes(frame.Text ?? ""));
        };
    }

    public sealed record Piece(string What, string Where, byte[] Bytes);

    public ConcurrentQueue<Piece> Pieces { get; } = new();

    public ConcurrentQueue<string> Sockets { get; } = new();

    /// <summary>Answers whose body the browser no longer had when it was asked for it.</summary>
    public ConcurrentQueue<string> Unread { get; private set; } = new();

    /// <summary>Keeps what the page holds now: document, values of its inputs, both storages, cookies that scripts see, the state of its history.</summary>
    public async Task LookAsync()
    {
        var held = await _page.EvaluateAsync<string[]>("""
            () => [location.href, document.title, document.documentElement.outerHTML, document.cookie, ...[...document.querySelectorAll("input, textarea, select")].map(i => i.value),
                   ...Object.entries(localStorage).flat(), ...Object.entries(sessionStorage).flat(), String(JSON.stringify(history.state))]
            """);
        foreach (var text in held) Keep("page", _page.Url, Encoding.UTF8.GetBytes(text));
    }

    /// <summary>Waits until every body that was on its way is read. One that a navigation cut off never comes, and the browser never says so; such a one is <see cref="Unread"/>.</summary>
    public async Task SettleAsync()
    {
        while (_reading.TryDequeue(out var reading)) await reading;
        // A page that was left before its body was read is asked for once more.
        foreach (var url in Unread.ToList())
        {
            if (!_left.TryRemove(url, out _)) continue;
            await using var again = await _page.Context.APIRequest.GetAsync(url);
            Keep("response body", url, await again.BodyAsync());
            Unread = new ConcurrentQueue<string>(Unread.Where(u => u != url));
        }
    }

    private readonly ConcurrentDictionary<string, bool> _left = new();

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private async Task ReadAsync(IRequest request)
    {
        if (request.PostDataBuffer is { } body) Keep("request body", request.Url, body);
        Dictionary<string, string> headers;
        try
        {
            headers = await request.AllHeadersAsync().WaitAsync(Patience);
        }
        catch (Exception e) when (e is PlaywrightException or TimeoutException)
        {
            // A page that is left while its request starts never tells the headers the network added; those the page gave are known from the start.
            headers = request.Headers;
        }
        Keep("request head", request.Url, Head(request.Url, headers));
    }

    private async Task ReadAsync(IResponse response)
    {
        try
        {
            Keep("response head", response.Url, Head(response.Url, await response.AllHeadersAsync().WaitAsync(Patience)));
            // A redirect has no body that a browser would show.
            if (response.Status is < 300 or >= 400) Keep("response body", response.Url, await response.BodyAsync().WaitAsync(Patience));
        }
        catch (Exception e) when (e is PlaywrightException or TimeoutException)
        {
            Unread.Enqueue(response.Url);
            if (response.Request is { Method: "GET" } && !new Uri(response.Url).AbsolutePath.StartsWith("/ui/", StringComparison.Ordinal)) _left[response.Url] = true;
        }
    }

    private static byte[] Head(string url, Dictionary<string, string> headers) => Encoding.UTF8.GetBytes($"{url}\n{string.Join('\n', headers.Select(h => $"{h.Key}: {h.Value}"))}");

    private void Keep(string what, string where, byte[] bytes) => Pieces.Enqueue(new Piece(what, where, bytes));
}
