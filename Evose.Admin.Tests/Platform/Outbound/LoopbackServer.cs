using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Evose.Admin.Tests.Platform.Outbound;

/// <summary>A raw-socket HTTP/1.1 server on loopback that keeps every byte it was sent and counts every connection.</summary>
internal sealed class LoopbackServer : IAsyncDisposable
{
    private static readonly byte[] Ok = Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");

    private readonly TcpListener _listener;
    private readonly CancellationTokenSource _stop = new();
    private readonly Func<string, byte[]?> _answer;
    private readonly Task _accepting;
    private int _connections;

    /// <param name="answer">From the request's head to the raw response; null closes the connection.</param>
    public LoopbackServer(Func<string, byte[]?>? answer = null, IPAddress? address = null, int port = 0)
    {
        _answer = answer ?? (_ => Ok);
        _listener = new TcpListener(address ?? IPAddress.Loopback, port);
        _listener.Start();
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Head and body of each request, one char per byte.</summary>
    public ConcurrentQueue<string> Requests { get; } = new();

    /// <summary>The connections so far. Knocks first: the kernel queues in order, so what came before the knock is counted.</summary>
    public async Task<int> ConnectionsAsync()
    {
        var before = Volatile.Read(ref _connections);
        using var knock = new TcpClient(_listener.LocalEndpoint.AddressFamily);
        await knock.ConnectAsync((IPEndPoint)_listener.LocalEndpoint);
        await knock.GetStream().WriteAsync("KNOCK\r\n\r\n"u8.ToArray());
        _ = await knock.GetStream().ReadAsync(new byte[1]);
        return Interlocked.Decrement(ref _connections) is var now && now >= before ? now : throw new InvalidOperationException("lost a connection");
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                _ = ServeAsync(client);
            }
        }
        catch (Exception e) when (e is OperationCanceledException || _stop.IsCancellationRequested)
        {
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var buffer = new byte[64 * 1024];
                var text = "";
                while (true)
                {
                    int head;
                    while ((head = text.IndexOf("\r\n\r\n", StringComparison.Ordinal)) < 0)
                    {
                        var read = await stream.ReadAsync(buffer, _stop.Token);
                        if (read == 0) return;
                        text += Encoding.Latin1.GetString(buffer, 0, read);
                    }
                    var end = head + 4 + ContentLength(text[..head]);
                    while (text.Length < end)
                    {
                        var read = await stream.ReadAsync(buffer, _stop.Token);
                        if (read == 0) return;
                        text += Encoding.Latin1.GetString(buffer, 0, read);
                    }
                    if (text.StartsWith("KNOCK", StringComparison.Ordinal)) return;

                    Requests.Enqueue(text[..end]);
                    if (_answer(text[..head]) is not { } answer) return;
                    text = text[end..];
                    await stream.WriteAsync(answer, _stop.Token);
                    if (Encoding.Latin1.GetString(answer).Contains("Connection: close", StringComparison.Ordinal)) return;
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
            }
        }
    }

    private static int ContentLength(string head) => head.Split("\r\n")
        .Where(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase))
        .Select(l => int.Parse(l["Content-Length:".Length..], CultureInfo.InvariantCulture)).FirstOrDefault();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Stop();
        await _accepting;
        _stop.Dispose();
    }
}
