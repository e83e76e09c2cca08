using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Evose.Admin.Tests.Support;

/// <summary>A real nginx with the very configuration that docs/operations.md gives; only addresses and paths are replaced.</summary>
public sealed class Nginx : IAsyncDisposable
{
    private readonly string _directory;
    private readonly Process _process;

    private Nginx(string directory, int port, Process process) => (_directory, _process, Url) = (directory, process, $"https://localhost:{port}");

    public string Url { get; }

    public static async Task<Nginx> StartAsync(IEnumerable<string> nodes)
    {
        var program = new[] { "/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/bin/nginx" }.FirstOrDefault(File.Exists) ?? throw new InvalidOperationException("There is no nginx: install the package nginx-light.");
        var directory = Directory.CreateTempSubdirectory("evose-nginx-").FullName;
        var port = AppProcess.FreePort();
        await WriteCertificateAsync(directory);
        await WriteNodesAsync(directory, nodes);
        var site = Documented("nginx").Replace("listen 443", $"listen {port}", StringComparison.Ordinal).Replace("/etc/nginx/", directory + "/", StringComparison.Ordinal);
        var temporary = string.Concat(new[] { "client_body", "proxy", "fastcgi", "uwsgi", "scgi" }.Select(t => $"{t}_temp_path {directory}/{t};\n"));
        await File.WriteAllTextAsync(Path.Combine(directory, "nginx.conf"), $$"""
            daemon off;
            {{(Environment.UserName == "root" ? "user root;" : "")}}
            worker_processes 2;
            pid {{directory}}/nginx.pid;
            error_log {{directory}}/error.log;
            events { worker_connections 1024; }
            http {
            access_log off;
            {{temporary}}
            {{site}}
            }
            """);
        var process = Process.Start(new ProcessStartInfo(program, ["-p", directory, "-c", directory + "/nginx.conf", "-e", directory + "/error.log"]) { RedirectStandardError = true, UseShellExecute = false })!;
        var nginx = new Nginx(directory, port, process);
        using var client = nginx.Client();
        await Given.UntilAsync(async () =>
        {
            Assert.False(process.HasExited, process.HasExited ? await process.StandardError.ReadToEndAsync() : "");
            try
            {
                using var answer = await client.GetAsync("/health/live");
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false;
            }
        });
        return nginx;
    }

    /// <summary>Rewrites the list of nodes and has nginx read it.</summary>
    public async Task ReloadAsync(IEnumerable<string> nodes)
    {
        await WriteNodesAsync(_directory, nodes);
        using var kill = Process.Start("kill", ["-HUP", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
        await kill.WaitForExitAsync();
    }

    public Task<string> ErrorsAsync() => File.ReadAllTextAsync(Path.Combine(_directory, "error.log"));

    /// <summary>With a connection of its own for every request, as a client that nobody kept waiting.</summary>
    public HttpClient Client()
    {
        var client = new HttpClient(new SocketsHttpHandler { SslOptions = new SslClientAuthenticationOptions { RemoteCertificateValidationCallback = (_, _, _, _) => true } }) { BaseAddress = new Uri(Url) };
        client.DefaultRequestHeaders.ConnectionClose = true;
        client.DefaultRequestHeaders.Authorization = new System.Net.Http.Headers.AuthenticationHeaderValue("Bearer", AdminApp.Key);
        client.DefaultRequestHeaders.Add("X-Evose-Agent", "cs-pro");
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            using var kill = Process.Start("kill", ["-TERM", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)]);
            await kill.WaitForExitAsync();
        }
        await _process.WaitForExitAsync();
        _process.Dispose();
        DataFolder.Delete(_directory);
    }

    // The one fenced block of this language.
    private static string Documented(string language)
    {
        var at = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(at!.FullName, "appsettings.sample.json"))) at = at.Parent;
        var parts = File.ReadAllText(Path.Combine(at.FullName, "docs", "operations.md")).Split("```" + language + "\n");
        return Assert.Single(parts.Skip(1)).Split("\n```")[0];
    }

    private static Task WriteNodesAsync(string directory, IEnumerable<string> nodes) =>
        File.WriteAllLinesAsync(Path.Combine(directory, "evose-nodes.conf"), nodes.Select(n => $"server {n};"));

    private static async Task WriteCertificateAsync(string directory)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = TimeProvider.System.GetUtcNow();
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        await File.WriteAllTextAsync(Path.Combine(directory, "evose.crt"), certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(Path.Combine(directory, "evose.key"), key.ExportPkcs8PrivateKeyPem());
    }
}
