using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Net.Sockets;
using System.Text;

namespace Evose.Admin.Bench;

/// <summary>A process that takes part in a comparison, and the port it listens on.</summary>
internal sealed class Server(string name, Process process, int port, StringBuilder output)
{
    public string Name => name;

    public int Port => port;

    public Process Process => process;

    public string Said { get { lock (output) return output.ToString(); } }

    /// <summary>What a process of ours has allocated since its start; see <see cref="Servers.TellAllocations"/>.</summary>
    public async Task<long> AllocatedAsync()
    {
        var answer = new TaskCompletionSource<long>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Read(object sender, DataReceivedEventArgs line)
        {
            if (line.Data is { } text && text.StartsWith(Servers.AllocatedMark, StringComparison.Ordinal))
                answer.TrySetResult(long.Parse(text.AsSpan(Servers.AllocatedMark.Length), CultureInfo.InvariantCulture));
        }
        process.OutputDataReceived += Read;
        try
        {
            await Lab.OutputAsync("kill", "-CONT", process.Id.ToString(CultureInfo.InvariantCulture));
            return await answer.Task.WaitAsync(TimeSpan.FromSeconds(10));
        }
        finally
        {
            process.OutputDataReceived -= Read;
        }
    }
}

/// <summary>The processes of one part and their folder; ends and removes what it made.</summary>
internal sealed class Lab : IAsyncDisposable
{
    public const string Key = "evk_benchbenchbenchbenchbenchbenchbench01";

    private readonly List<Process> _processes = [];
    private readonly HashSet<int> _ports = [];
    private PostgresCluster? _postgres;

    public string Directory { get; } = System.IO.Directory.CreateTempSubdirectory("evose-bench-").FullName;

    /// <summary>nginx answering a small JSON: the cheapest upstream there is.</summary>
    public Task<Server> FastUpstreamAsync() => NginxAsync("upstream", port => $$"""
        server { listen 127.0.0.1:{{port}}; default_type application/json; location / { return 200 '{{Servers.Answer}}'; } }
        """);

    /// <summary>nginx that adds a static header and forwards.</summary>
    public Task<Server> NginxProxyAsync(int upstream) => NginxAsync("nginx, static header", port => $$"""
        upstream u { server 127.0.0.1:{{upstream}}; keepalive 256; keepalive_requests 1000000000; }
        server { listen 127.0.0.1:{{port}}; location / { proxy_pass http://u; proxy_http_version 1.1; proxy_buffering off; proxy_set_header Connection ""; proxy_set_header Authorization "Bearer sk-static-0123456789abcdef"; } }
        """);

    public async Task<Server> UpstreamAsync(int delay)
    {
        var port = FreePort();
        return await ReadyAsync(Own("upstream", port, [], "upstream", Text(port), Text(delay)));
    }

    public async Task<Server> BareYarpAsync(int upstream)
    {
        var port = FreePort();
        return await ReadyAsync(Own("bare YARP", port, [], "yarp", Text(port), $"http://127.0.0.1:{upstream}"));
    }

    /// <summary>The app with one tool, <c>/broker/bench/upstream</c>, that carries one credential to the upstream. Throws with the app's own words when it does not start.</summary>
    public async Task<Server> AppAsync(string name, int upstream, bool ledger, params string[] settings)
    {
        var port = FreePort();
        var app = Own(name, port, ledger ? [] : [("EVOSE_BENCH_NO_LEDGER", "1")],
            ["app", "--urls", $"http://127.0.0.1:{port}", $"--Evose:DataDirectory={Directory}/app-{port}", "--Egress:AllowedPrivateHosts:0=127.0.0.1", "--Egress:AllowHttp=true", "--Bootstrap:ApiKey=" + Key, "--Logging:LogLevel:Default=Warning", .. settings]);
        using var api = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        for (var i = 0; ; i++)
        {
            if (app.Process.HasExited) throw new InvalidOperationException($"the app did not start: {LastWords(app)}");
            try
            {
                if ((await api.GetAsync("/health/ready")).IsSuccessStatusCode) break;
            }
            catch (HttpRequestException) when (i < 600)
            {
                // Not listening yet.
            }
            await Task.Delay(100);
        }
        // Through the app's own REST surface, as automation would.
        await SendAsync(api, HttpMethod.Post, "/api/v1/workspaces", new { name = "Bench", slug = "bench" });
        await SendAsync(api, HttpMethod.Post, "/api/v1/workspaces/bench/credentials", new { name = "upstream_prod", type = "api_key", fields = new { value = "sk-bench-0123456789abcdef0123456789abcdef0123456789abcdef" }, allowed_hosts = new[] { $"127.0.0.1:{upstream}" } });
        await SendAsync(api, HttpMethod.Put, "/api/v1/workspaces/bench/tools/upstream", new { kind = "http", base_url = $"http://127.0.0.1:{upstream}", headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:upstream_prod}}" } });
        await SendAsync(api, HttpMethod.Patch, "/api/v1/workspaces/bench/credentials/upstream_prod", new { scope = new { tools = new[] { "upstream" } } });
        // The same upstream with a session instead of a key: cookies as a browser has them, sealed, chosen by host and path.
        await SendAsync(api, HttpMethod.Post, "/api/v1/workspaces/bench/credentials", new
        {
            name = "session_prod", type = "cookie", allowed_hosts = new[] { $"127.0.0.1:{upstream}" },
            fields = new { value = $"curl http://127.0.0.1:{upstream}/ -b 'sid=0123456789abcdef0123456789abcdef; theme=dark; csrf=0123456789abcdef0123456789abcdef; region=eu; seen=1732000000'" },
        });
        await SendAsync(api, HttpMethod.Put, "/api/v1/workspaces/bench/tools/session", new { kind = "http", base_url = $"http://127.0.0.1:{upstream}", headers = new Dictionary<string, string> { ["Cookie"] = "{{credential:session_prod}}" } });
        await SendAsync(api, HttpMethod.Patch, "/api/v1/workspaces/bench/credentials/session_prod", new { scope = new { tools = new[] { "session" } } });
        // And with an OAuth token that could be renewed, so that each answer is looked at.
        await SendAsync(api, HttpMethod.Post, "/api/v1/workspaces/bench/credentials", new
        {
            name = "token_prod", type = "oauth_token", provider = "oauth2", allowed_hosts = new[] { $"127.0.0.1:{upstream}" },
            fields = new { value = "ya-bench-0123456789abcdef0123456789abcdef0123456789abcdef", refresh_token = "1//bench", client_id = "bench" },
            oauth = new { authorize_url = $"http://127.0.0.1:{upstream}/authorize", token_url = $"http://127.0.0.1:{upstream}/token" },
        });
        await SendAsync(api, HttpMethod.Put, "/api/v1/workspaces/bench/tools/token", new { kind = "http", base_url = $"http://127.0.0.1:{upstream}", headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:token_prod}}" } });
        await SendAsync(api, HttpMethod.Patch, "/api/v1/workspaces/bench/credentials/token_prod", new { scope = new { tools = new[] { "token" } } });
        using var first = await api.GetAsync("/broker/bench/upstream/v1/chat");
        if (!first.IsSuccessStatusCode) throw new InvalidOperationException($"{name} answers {(int)first.StatusCode}: {await first.Content.ReadAsStringAsync()}\n{app.Said}");
        return app;
    }

    public async Task<PostgresCluster> PostgresAsync() => _postgres = await PostgresCluster.StartAsync(FreePort());

    public async ValueTask DisposeAsync()
    {
        foreach (var p in _processes)
        {
            if (!p.HasExited) p.Kill(true);
            await p.WaitForExitAsync();
            p.Dispose();
        }
        if (_postgres is not null) await _postgres.StopAsync();
        System.IO.Directory.Delete(Directory, true);
    }

    /// <summary>CPU time in microseconds of a process and of all that came from it.</summary>
    public static double CpuMicros(int pid)
    {
        var micros = 0.0;
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            // utime, stime, and those of children that ended; in hundredths of a second.
            for (var i = 11; i <= 14; i++) micros += long.Parse(fields[i], CultureInfo.InvariantCulture) * 10_000.0;
            foreach (var task in System.IO.Directory.GetDirectories($"/proc/{pid}/task"))
                foreach (var child in File.ReadAllText(Path.Combine(task, "children")).Split(' ', StringSplitOptions.RemoveEmptyEntries))
                    micros += CpuMicros(int.Parse(child, CultureInfo.InvariantCulture));
        }
        catch (IOException)
        {
            // It ended while we looked.
        }
        return micros;
    }

    /// <summary>CPU time in microseconds that the runtime's compiler has taken in the background.</summary>
    public static double CompilerMicros(int pid)
    {
        var micros = 0.0;
        foreach (var task in System.IO.Directory.GetDirectories($"/proc/{pid}/task"))
        {
            try
            {
                var stat = File.ReadAllText(task + "/stat");
                if (!stat.Contains("(.NET Tiered Com", StringComparison.Ordinal)) continue;
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                micros += (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) * 10_000.0;
            }
            catch (IOException)
            {
                // The thread ended while we looked.
            }
        }
        return micros;
    }

    public static async Task<string> OutputAsync(string file, params string[] args)
    {
        var start = new ProcessStartInfo(file) { RedirectStandardOutput = true, UseShellExecute = false };
        foreach (var arg in args) start.ArgumentList.Add(arg);
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return output.Trim();
    }

    private async Task<Server> NginxAsync(string name, Func<int, string> server)
    {
        var port = FreePort();
        var folder = System.IO.Directory.CreateDirectory(Path.Combine(Directory, $"nginx-{port}")).FullName;
        var temp = string.Concat(((string[])["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]).Select(t => $"{t}_temp_path {folder}/{t}; "));
        await File.WriteAllTextAsync(Path.Combine(folder, "nginx.conf"), $$"""
            daemon off; worker_processes 1; pid {{folder}}/pid; error_log stderr error; {{(Environment.UserName == "root" ? "user root;" : "")}}
            events { worker_connections 4096; }
            http { access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; {{temp}} {{server(port)}} }
            """);
        return await ReadyAsync(Start(name, port, [], "nginx", "-p", folder, "-c", $"{folder}/nginx.conf", "-e", "stderr"));
    }

    private Server Own(string name, int port, (string, string)[] environment, params string[] args)
    {
        var host = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet";
        return Start(name, port, environment, Environment.ProcessPath!, host ? [typeof(Lab).Assembly.Location, .. args] : args);
    }

    private Server Start(string name, int port, (string, string)[] environment, string file, params string[] args)
    {
        // In a session of its own, as a service has: Linux shares the cores among sessions, and within one among all threads of all servers and of the load.
        var start = new ProcessStartInfo(OperatingSystem.IsLinux() ? "setsid" : file) { RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
        foreach (var arg in OperatingSystem.IsLinux() ? [file, .. args] : args) start.ArgumentList.Add(arg);
        foreach (var (key, value) in environment) start.Environment[key] = value;
        var output = new StringBuilder();
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException($"{start.FileName} is missing: install it (Debian: apt-get install wrk nginx-light postgresql).", e);
        }
        _processes.Add(process);
        DataReceivedEventHandler keep = (_, e) => { lock (output) if (output.Length < 100_000) output.AppendLine(e.Data); };
        process.OutputDataReceived += keep;
        process.ErrorDataReceived += keep;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return new Server(name, process, port, output);
    }

    private static async Task<Server> ReadyAsync(Server server)
    {
        for (var i = 0; ; i++)
        {
            if (server.Process.HasExited) throw new InvalidOperationException($"{server.Name} did not start: {LastWords(server)}");
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", server.Port);
                return server;
            }
            catch (SocketException) when (i < 300)
            {
                await Task.Delay(100);
            }
        }
    }

    private static string LastWords(Server server)
    {
        server.Process.WaitForExit();
        var lines = server.Said.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        // The innermost exception says the most.
        return lines.LastOrDefault(l => l.StartsWith("--->", StringComparison.Ordinal)) ?? lines.FirstOrDefault(l => l.Contains("Exception", StringComparison.Ordinal)) ?? lines.LastOrDefault() ?? "it said nothing";
    }

    private static async Task SendAsync(HttpClient api, HttpMethod method, string path, object body)
    {
        using var request = new HttpRequestMessage(method, path) { Content = JsonContent.Create(body) };
        using var answer = await api.SendAsync(request);
        if (!answer.IsSuccessStatusCode) throw new InvalidOperationException($"{path}: {await answer.Content.ReadAsStringAsync()}");
    }

    private int FreePort()
    {
        while (true)
        {
            using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
            listener.Start();
            var port = ((System.Net.IPEndPoint)listener.LocalEndpoint).Port;
            if (_ports.Add(port)) return port;
        }
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A PostgreSQL cluster of our own with its durable defaults: every commit is synced.</summary>
internal sealed class PostgresCluster
{
    private readonly string _bin, _data;

    private PostgresCluster(string bin, string data, int port) => (_bin, _data, Port) = (bin, data, port);

    public int Port { get; }

    public int Pid { get; private set; }

    public string Database(string name) => $"Host=127.0.0.1;Port={Port};Username=evose;Database={name}";

    public static async Task<PostgresCluster> StartAsync(int port)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Concat(Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(d => d + "/bin") : []);
        // pg_ctl may be linked elsewhere without createdb: take the folder that has all.
        var bin = folders.FirstOrDefault(d => File.Exists($"{d}/initdb") && File.Exists($"{d}/pg_ctl") && File.Exists($"{d}/createdb"))
            ?? throw new InvalidOperationException("PostgreSQL is missing: install it (Debian: apt-get install postgresql).");
        var folder = Directory.CreateTempSubdirectory("evose-bench-pg-").FullName;
        if (IsRoot) await RunAsync("chown", "postgres", folder);
        var cluster = new PostgresCluster(bin, folder + "/data", port);
        await cluster.PgAsync("initdb", "-D", cluster._data, "-U", "evose", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8");
        await cluster.PgAsync("pg_ctl", "-D", cluster._data, "-w", "-t", "60", "-l", $"{folder}/log", "-o", $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=on -c synchronous_commit=on -c max_connections=200", "start");
        cluster.Pid = int.Parse((await File.ReadAllLinesAsync(cluster._data + "/postmaster.pid"))[0], CultureInfo.InvariantCulture);
        return cluster;
    }

    public async Task<string> NewDatabaseAsync(string name)
    {
        await PgAsync("createdb", "-h", "127.0.0.1", "-p", Port.ToString(CultureInfo.InvariantCulture), "-U", "evose", name);
        return Database(name);
    }

    public async Task StopAsync()
    {
        await PgAsync("pg_ctl", "-D", _data, "-m", "immediate", "stop");
        Directory.Delete(Path.GetDirectoryName(_data)!, true);
    }

    // postgres refuses to run as root.
    private static bool IsRoot => Environment.UserName == "root";

    private Task PgAsync(string exe, params string[] args) => IsRoot ? RunAsync("runuser", ["-u", "postgres", "--", $"{_bin}/{exe}", .. args]) : RunAsync($"{_bin}/{exe}", args);

    private static async Task RunAsync(string exe, params string[] args)
    {
        // The server keeps the pipes that pg_ctl was given open, so it is given none.
        var start = new ProcessStartInfo("/bin/sh") { WorkingDirectory = "/" };
        foreach (var arg in (string[])["-c", "exec \"$0\" \"$@\" >/dev/null 2>&1", exe, .. args]) start.ArgumentList.Add(arg);
        using var process = Process.Start(start)!;
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{exe} {string.Join(' ', args)} ended with {process.ExitCode}");
    }
}
