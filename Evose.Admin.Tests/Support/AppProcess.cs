using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Evose.Admin.Tests.Support;

/// <summary>The app in a process of its own, which can be killed.</summary>
public sealed class AppProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly System.Collections.Concurrent.ConcurrentQueue<string> _output = new();
    private int _disposed;

    private AppProcess(Process process, string url) => (_process, Url) = (process, url);

    public string Url { get; }

    /// <summary>What it holds of the machine's memory.</summary>
    public double ResidentMegabytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / 1048576.0;
        }
    }

    public string Output => string.Join('\n', _output);

    /// <summary>Starts it and waits until it is ready; <paramref name="settings"/> go as environment variables.</summary>
    public static async Task<AppProcess> StartAsync(string dataDirectory, int? port = null, Dictionary<string, string>? settings = null, bool waitReady = true, string? verb = null)
    {
        port ??= FreePort();
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false, WorkingDirectory = AppContext.BaseDirectory };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, "Evose.Admin.dll"));
        foreach (var word in verb?.Split(' ') ?? []) start.ArgumentList.Add(word);
        start.Environment["Urls"] = $"http://127.0.0.1:{port}";
        start.Environment["Evose__DataDirectory"] = dataDirectory;
        start.Environment["Egress__AllowedPrivateHosts__0"] = "127.0.0.1";
        start.Environment["Egress__AllowHttp"] = "true";
        start.Environment["Bootstrap__ApiKey"] = AdminApp.Key;
        foreach (var (key, value) in settings ?? []) start.Environment[key.Replace(":", "__", StringComparison.Ordinal)] = value;
        var process = Process.Start(start)!;
        var app = new AppProcess(process, $"http://127.0.0.1:{port}");
        process.OutputDataReceived += (_, e) => { if (e.Data is not null) app._output.Enqueue(e.Data); };
        process.ErrorDataReceived += (_, e) => { if (e.Data is not null) app._output.Enqueue(e.Data); };
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        if (waitReady) await app.ReadyAsync();
        return app;
    }

    public async Task ReadyAsync()
    {
        using var client = new HttpClient { BaseAddress = new Uri(Url) };
        var began = TimeProvider.System.GetTimestamp();
        while (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(60))
        {
            Assert.False(_process.HasExited, "the app ended: " + Output);
            try
            {
                using var answer = await client.GetAsync("/health/live");
                if (answer.StatusCode == HttpStatusCode.OK) return;
            }
            catch (HttpRequestException)
            {
                // Not listening yet.
            }
            await Task.Delay(50);
        }
        Assert.Fail("the app did not start: " + Output);
    }

    /// <summary>The exit code, when it ends by itself within a minute.</summary>
    public async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromMinutes(1));
        return _process.ExitCode;
    }

    /// <summary>SIGTERM, as a service manager sends it.</summary>
    public void Stop()
    {
        using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (!_process.HasExited) _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Waits for its end, at most a minute.</summary>
    public async Task<int> ExitCodeAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(1));
        await _process.WaitForExitAsync(patience.Token);
        return _process.ExitCode;
    }

    public HttpClient Api()
    {
        var client = new HttpClient { BaseAddress = new Uri(Url) };
        client.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", AdminApp.Key);
        return client;
    }

    /// <summary>Twice is once: a test that kills and starts again disposes of the last one at its end, and must not hide why a start failed.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1) return;
        await KillAsync();
        _process.Dispose();
    }

    /// <summary>
    /// A port nobody listens on, below those the kernel gives to outgoing connections. From among those it may be taken by any connection
    /// while its owner is down, even by one that is made to itself: a client that tries again and again can meet its own port.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(15_000, 32_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: another.
            }
        }
    }
}
