using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Channels;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using MimeKit;

namespace Evose.Admin.Tests.Features.Channels;

/// <summary>E-mail, through a server that is not ours: npm's smtp-server.</summary>
public sealed class MailTests
{
    [Fact]
    public async Task An_independent_server_takes_the_mail_in_the_readers_language_after_a_sign_in()
    {
        await using var server = await MailServer.StartAsync("evose", "p4ssw0rd-of-the-mail-server");
        await using var world = await ChannelWorld.StartAsync(Settings(server, "evose", "p4ssw0rd-of-the-mail-server"));
        await world.ChannelAsync("email", more: new { language = "zh", recipients = new[] { "ann@example.test", "ben@example.test" } });
        await world.RaiseAsync("told", NotificationKind.Expired, facts: new Dictionary<string, string> { ["name"] = "openai_prod", ["date"] = "2026-03-01 00:00" });
        Assert.Equal(1, await world.DeliverAsync());
        var mail = await server.NextAsync();
        Assert.Equal(("evose@example.test", "evose"), (mail.From, mail.User));
        Assert.Equal(["ann@example.test", "ben@example.test"], mail.To);
        var message = await MimeMessage.LoadAsync(new MemoryStream(Encoding.UTF8.GetBytes(mail.Text)));
        Assert.Equal("[严重] openai_prod 已过期", message.Subject);
        Assert.Contains("https://evose.example.test/notifications", message.TextBody, StringComparison.Ordinal);
        Assert.Equal("Evose Admin", message.From.Mailboxes.Single().Name);
        Assert.StartsWith((await world.DeliveriesAsync())[0].Id.ToString("N"), message.MessageId, StringComparison.Ordinal);
        Assert.DoesNotContain(world.App.Log.Lines, l => l.Contains("p4ssw0rd-of-the-mail-server", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Without_addresses_it_goes_to_the_owner_then_to_the_workspaces_admins_when_nobody_reacts()
    {
        await using var server = await MailServer.StartAsync();
        await using var world = await ChannelWorld.StartAsync(Settings(server));
        await world.ChannelAsync("email");
        var owner = await world.App.PersonAsync("owner@example.test", OrganizationRole.Member, (world.Workspace.Id, WorkspaceRole.Builder));
        await world.App.PersonAsync("boss@example.test", OrganizationRole.Member, (world.Workspace.Id, WorkspaceRole.Admin));
        Guid owned;
        await using (var db = await world.App.Dbs().CreateDbContextAsync())
        {
            var credential = Credential.Register(Guid.CreateVersion7(ChannelWorld.Start), world.Workspace.Id, "openai_prod", CredentialType.ApiKey, ChannelWorld.Start);
            credential.OwnerId = owner.Id;
            db.Credentials.Add(credential);
            await db.SaveChangesAsync();
            owned = credential.Id;
        }
        async Task<IReadOnlyList<string>> ToAsync(NotificationKind kind, Guid? about)
        {
            var id = await world.RaiseAsync(Guid.CreateVersion7(TimeProvider.System.GetUtcNow()).ToString("N"), kind);
            await using (var db = await world.App.Dbs().CreateDbContextAsync()) await db.Notifications.Where(n => n.Id == id).ExecuteUpdateAsync(s => s.SetProperty(n => n.CredentialId, about));
            Assert.Equal(1, await world.DeliverAsync());
            return (await server.NextAsync()).To;
        }

        Assert.Equal(["owner@example.test"], await ToAsync(NotificationKind.ExpirySoon, owned));
        Assert.Equal(["boss@example.test"], await ToAsync(NotificationKind.Escalated, owned));
        Assert.Equal(["boss@example.test"], await ToAsync(NotificationKind.JobFailed, null));
        await using (var db = await world.App.Dbs().CreateDbContextAsync()) await db.Users.Where(u => u.Id == owner.Id).ExecuteUpdateAsync(s => s.SetProperty(u => u.DisabledAt, ChannelWorld.Start));
        Assert.Equal(["boss@example.test"], await ToAsync(NotificationKind.ExpirySoon, owned));
    }

    [Fact]
    public async Task A_server_that_is_down_refuses_or_knows_nobody_is_told_apart()
    {
        await using var server = await MailServer.StartAsync("evose", "the-right-password");
        await using var wrong = await ChannelWorld.StartAsync(Settings(server, "evose", "not-the-right-one"));
        var refused = await TestAsync(wrong, "ann@example.test");
        Assert.False(refused.GetProperty("delivered").GetBoolean());
        Assert.Contains("user name and password", refused.GetProperty("answer").GetString(), StringComparison.Ordinal);

        await using var right = await ChannelWorld.StartAsync(Settings(server, "evose", "the-right-password"));
        var unknown = await TestAsync(right, "nobody@example.test");
        Assert.Equal((550, false), (unknown.GetProperty("status").GetInt32(), unknown.GetProperty("delivered").GetBoolean()));

        var port = server.Port;
        await server.DisposeAsync();
        await using var down = await ChannelWorld.StartAsync(new() { ["Smtp:Host"] = "127.0.0.1", ["Smtp:Port"] = $"{port}", ["Smtp:From"] = "evose@example.test" });
        await down.ChannelAsync("email", more: new { recipients = new[] { "ann@example.test" } });
        await down.RaiseAsync("one");
        Assert.Equal(0, await down.DeliverAsync());
        var waiting = Assert.Single(await down.DeliveriesAsync());
        Assert.Equal((DeliveryState.Pending, 1), (waiting.State, waiting.Attempts));
        Assert.Contains("could not be reached", waiting.LastAnswer, StringComparison.Ordinal);
    }

    // A certificate that nobody vouches for: no mail, and no password, goes over such a connection.
    [Fact]
    public async Task A_certificate_that_nobody_vouches_for_is_refused()
    {
        await using var server = await MailServer.StartAsync("evose", "the-right-password", startTls: true);
        await using var world = await ChannelWorld.StartAsync(Settings(server, "evose", "the-right-password"));
        var answer = await TestAsync(world, "ann@example.test");
        Assert.False(answer.GetProperty("delivered").GetBoolean());
        Assert.Contains("certificate", answer.GetProperty("answer").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, server.Waiting);
    }

    [Theory]
    [InlineData(true, null, null, null)]
    [InlineData(true, "mail.example.test", "Evose <evose@example.test>", null)]
    [InlineData(false, "mail.example.test", null, null)]
    [InlineData(false, "mail.example.test", "not an address", null)]
    [InlineData(false, "mail.example.test", "evose@example.test", "somebody")]
    public void Half_a_mail_server_stops_the_start(bool good, string? host, string? from, string? user) =>
        Assert.Equal(good, new SmtpOptionsValidator().Validate(null, new SmtpOptions { Host = host, From = from, UserName = user }).Succeeded);

    private static async Task<JsonElement> TestAsync(ChannelWorld world, string to)
    {
        var id = await world.ChannelAsync("email", more: new { recipients = new[] { to } });
        using var answer = await world.Api.PostAsync($"/api/v1/webhooks/{id}/test", null);
        return await answer.Content.ReadFromJsonAsync<JsonElement>();
    }

    private static Dictionary<string, string?> Settings(MailServer server, string? user = null, string? password = null) => new()
    {
        ["Smtp:Host"] = "127.0.0.1", ["Smtp:Port"] = $"{server.Port}", ["Smtp:From"] = "Evose Admin <evose@example.test>", ["Smtp:UserName"] = user, ["Smtp:Password"] = password,
    };

    private sealed record Mail(string From, IReadOnlyList<string> To, string? User, bool Secure, string Text);

    private sealed class MailServer : IAsyncDisposable
    {
        private readonly Process _node;
        private readonly ConcurrentQueue<Mail> _mails = new();
        private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);

        private MailServer(Process node) => _node = node;

        public int Port { get; private set; }

        public int Waiting => _mails.Count;

        public static async Task<MailServer> StartAsync(string? user = null, string? password = null, bool startTls = false)
        {
            var start = new ProcessStartInfo("node", "smtp-server.mjs") { WorkingDirectory = SdkDirectory(), RedirectStandardOutput = true, RedirectStandardError = true, UseShellExecute = false };
            start.Environment["USER_NAME"] = user ?? "";
            start.Environment["PASSWORD"] = password ?? "";
            start.Environment["STARTTLS"] = startTls ? "1" : "";
            var server = new MailServer(Process.Start(start)!);
            server._node.OutputDataReceived += (_, e) => server.Read(e.Data);
            server._node.ErrorDataReceived += (_, _) => { };
            server._node.BeginOutputReadLine();
            server._node.BeginErrorReadLine();
            server.Port = await server._port.Task.WaitAsync(TimeSpan.FromMinutes(1));
            return server;
        }

        private void Read(string? line)
        {
            if (line is null)
            {
                _port.TrySetException(new InvalidOperationException("it ended"));
                return;
            }
            if (!line.StartsWith('{')) return;
            var said = JsonDocument.Parse(line).RootElement;
            if (said.TryGetProperty("port", out var port)) _port.TrySetResult(port.GetInt32());
            else _mails.Enqueue(new Mail(said.GetProperty("from").GetString()!, [.. said.GetProperty("to").EnumerateArray().Select(t => t.GetString()!)], said.GetProperty("user").GetString(), said.GetProperty("secure").GetBoolean(), said.GetProperty("text").GetString()!));
        }

        public async Task<Mail> NextAsync()
        {
            Mail? mail = null;
            await Given.UntilAsync(() => Task.FromResult(_mails.TryDequeue(out mail)));
            return mail!;
        }

        public async ValueTask DisposeAsync()
        {
            if (_node.HasExited) return;
            _node.Kill();
            await _node.WaitForExitAsync();
        }

        private static string SdkDirectory()
        {
            for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
            {
                var found = Path.Combine(at.FullName, "Evose.Admin.Tests", "Sdk");
                if (Directory.Exists(Path.Combine(found, "node_modules", "smtp-server"))) return found;
            }
            Assert.Fail("npm's smtp-server package is not installed; run ./dev test, or npm ci in Evose.Admin.Tests/Sdk.");
            return "";
        }
    }
}
