using System.Text;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Features.Leaks;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Leaks;

/// <summary><c>scan</c> over files, logs and standard input: line and credential, never the value.</summary>
public sealed class ScanTests : IAsyncLifetime
{
    private const string Value = "sk-live-7Qw2Er4Ty6Ui8Op0As1Df3Gh5";
    private const string Short = "hunter2-xyz";

    private readonly DirectoryInfo _files = Directory.CreateTempSubdirectory("evose-scan-");
    private readonly AdminApp _app = new();
    private string _ws = "";

    public async ValueTask InitializeAsync()
    {
        _ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, _ws, "openai_prod", Value, hosts: ["127.0.0.1"]);
        await Given.CredentialAsync(_app, _ws, "pin_prod", Short, hosts: ["127.0.0.1"]);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _files.Delete(recursive: true);
    }

    [Fact]
    public async Task Says_file_line_and_credential_and_opens_a_report_for_each()
    {
        var log = Write("logs/app.log", $"one\ntwo Authorization: Bearer {Value}\nthree\nfour password={Short}\n");
        var env = Write(".env", "A=1\nGH_TOKEN=ghp_0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R\n");
        Write("clean.txt", "nothing here\n");
        var (code, said, error) = await ScanAsync(_files.FullName);
        Assert.Equal(1, code);
        Assert.Contains($"{log}:2: the credential openai_prod of {_ws}, version 1 (active)", said, StringComparison.Ordinal);
        Assert.Contains($"{log}:4: the credential pin_prod of {_ws}, version 1 (active)", said, StringComparison.Ordinal);
        Assert.Contains($"{env}:2: looks like a GitHub token", said, StringComparison.Ordinal);
        Assert.DoesNotContain("clean.txt", said, StringComparison.Ordinal);
        Assert.Contains("2 of our values, 1 that look like secrets, in 3 files", error, StringComparison.Ordinal);
        foreach (var secret in new[] { Value, Short, "ghp_" }) Assert.DoesNotContain(secret, said + error, StringComparison.Ordinal);
        await using var db = await _app.DbAsync();
        Assert.Equal([("openai_prod", LeakSource.Scan), ("pin_prod", LeakSource.Scan)], (await db.LeakReports.OrderBy(r => r.Credential).ToListAsync()).Select(r => (r.Credential!, r.Source)));
        Assert.All(await db.LeakReports.ToListAsync(), r => Assert.EndsWith(r.Credential == "openai_prod" ? "app.log:2" : "app.log:4", r.Place, StringComparison.Ordinal));
        // The same scan again is no new leak.
        await ScanAsync(_files.FullName);
        Assert.Equal(2, await db.LeakReports.CountAsync());
    }

    [Fact]
    public async Task Nothing_found_is_0_and_what_cannot_be_read_is_2()
    {
        Write("clean.txt", "nothing here\n");
        Assert.Equal((0, ""), (await ScanAsync(_files.FullName)) is var (code, _, error) ? (code, error) : default);
        var (missing, _, why) = await ScanAsync(Path.Combine(_files.FullName, "missing"));
        Assert.Equal(2, missing);
        Assert.Contains("There is no file", why, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Standard_input_of_many_megabytes_is_looked_through_with_true_line_numbers()
    {
        var text = new StringBuilder();
        var line = 1;
        for (; text.Length < 6 * 1024 * 1024; line++) text.Append("2026-01-01T00:00:00Z INFO request to /v1/models took ").Append(line).Append(" ms\n");
        text.Append("key ").Append(Value).Append('\n');
        // A line without an end, longer than what is read at once, with the value where two pieces meet.
        text.Append('x', (1024 * 1024) - 20).Append(' ').Append(Short).Append(' ').Append('y', 2 * 1024 * 1024);
        var (code, said, _) = await ScanAsync("-", Encoding.UTF8.GetBytes(text.ToString()));
        Assert.Equal(1, code);
        Assert.Contains($"-:{line}: the credential openai_prod", said, StringComparison.Ordinal);
        Assert.Contains($"-:{line + 1}: the credential pin_prod", said, StringComparison.Ordinal);
    }

    private string Write(string name, string text)
    {
        var path = Path.Combine(_files.FullName, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
        return path;
    }

    private async Task<(int Code, string Said, string Error)> ScanAsync(string path, byte[]? input = null)
    {
        await using var said = new StringWriter();
        await using var error = new StringWriter();
        using var stdin = new MemoryStream(input ?? []);
        var code = await ScanVerb.RunAsync(_app.Services, path, stdin, said, error, CancellationToken.None);
        return (code, said.ToString(), error.ToString());
    }
}
