using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Evose.Admin.Tests.Support;

/// <summary>A network in the middle: passes connections on, until it is cut or pointed elsewhere.</summary>
public sealed class TcpRelay : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly ConcurrentDictionary<TcpClient, byte> _open = new();
    private readonly Task _accepting;
    private volatile int _target;
    private volatile bool _isMute;

    public TcpRelay(int target)
    {
        _target = target;
        _listener.Start();
        _accepting = Task.Run(AcceptAsync);
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>While it is set, what the far side says is lost; what is said to it arrives.</summary>
    public bool IsMute
    {
        get => _isMute;
        set => _isMute = value;
    }

    /// <summary>Breaks every connection and refuses new ones.</summary>
    public void Cut() => PointTo(0);

    /// <summary>From now on connections go to this port.</summary>
    public void PointTo(int port)
    {
        _target = port;
        foreach (var client in _open.Keys) client.Close();
    }

    private async Task AcceptAsync()
    {
        while (true)
        {
            TcpClient near;
            try
            {
                near = await _listener.AcceptTcpClientAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
            _ = PassAsync(near, _target);
        }
    }

    private async Task PassAsync(TcpClient near, int target)
    {
        using var far = new TcpClient();
        _open[near] = _open[far] = 0;
        try
        {
            if (target == 0 || target != _target) return;
            await far.ConnectAsync(IPAddress.Loopback, target);
            if (target != _target) return;
            var (a, b) = (near.GetStream(), far.GetStream());
            await Task.WhenAny(a.CopyToAsync(b), AnswerAsync(b, a));
        }
        catch (Exception e) when (e is SocketException or IOException or ObjectDisposedException or InvalidOperationException)
        {
            // One side is gone, so the other goes.
        }
        finally
        {
            near.Close();
            _open.TryRemove(near, out _);
            _open.TryRemove(far, out _);
        }
    }

    private async Task AnswerAsync(NetworkStream far, NetworkStream near)
    {
        var bytes = new byte[1 << 16];
        while (await far.ReadAsync(bytes) is > 0 and var read)
            if (!_isMute) await near.WriteAsync(bytes.AsMemory(0, read));
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        Cut();
        await _accepting;
    }
}
