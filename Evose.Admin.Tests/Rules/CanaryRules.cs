using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Features.Jobs;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Tests.Support;
using Hangfire;
using Microsoft.AspNetCore.Routing;
using Microsoft.AspNetCore.Http;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Rules;

/// <summary>L-01, L-05, L-07: a value that went in is afterwards nowhere but sealed, whatever was done with it and whatever went wrong.</summary>
public sealed partial class CanaryRules
{
    private static readonly string[] Slots = ["header", "bearer", "query", "path", "body"];

    private static CancellationToken None => CancellationToken.None;

    [Fact]
    public void Every_form_of_a_canary_is_found()
    {
        var scanner = new CanaryScanner();
        var canary = CanaryScanner.Draw(40);
        scanner.Add("planted", canary);
        foreach (var (form, bytes) in CanaryScanner.Forms(canary))
            Assert.True(scanner.Scan(form, [.. "something before "u8, .. bytes, .. " and after"u8]).Count > 0, form + " was not found");
        for (var i = 0; i + CanaryScanner.Window <= canary.Length; i++)
            Assert.NotEmpty(scanner.Scan("window", $"x{canary.AsSpan(i, CanaryScanner.Window)}x"));
        for (var before = 0; before < 3; before++)
            Assert.NotEmpty(scanner.Scan("aligned", Convert.ToBase64String(Encoding.ASCII.GetBytes(new string('u', before) + ":" + canary))));
        Assert.NotEmpty(scanner.Scan("json", JsonSerializer.Serialize(new { a = canary })));
        // Between them what no canary has: a letter could be the twelfth.
        Assert.Empty(scanner.Scan("eleven", $"\n{canary.AsSpan(0, 11)}\n{canary.AsSpan(20, 11)}"));
        Assert.Empty(scanner.Scan("another", CanaryScanner.Draw(400)));
    }

    [Fact]
    public async Task No_value_is_anywhere_but_sealed()
    {
        var began = TimeProvider.System.GetUtcNow().UtcDateTime;
        using var folder = new DataFolder();
        var directory = folder.Path;
        var called = new List<(string About, string Canary)>();
        var hits = new List<string>();
        await using (var world = await CanaryWorld.StartAsync(directory))
        {
            await world.MustAsync(HttpStatusCode.Created, "POST", "/api/v1/workspaces", new { name = "Customer Service", slug = CanaryWorld.Ws });
            await CallsThatWorkAsync(world, called);
            await CustomAsync(world, called);
            await CallsThatFailAsync(world, called);
            await DamagedAndUnsafeValuesAsync(world);
            await IntakeAsync(world, called);
            await RotationsAsync(world, called);
            await SessionsAsync(world, called);
            await ChannelsAsync(world, called);
            await BadBodiesAsync(world, hits);
            await RepeatedRegistrationAsync(world);
            await LifeOfACredentialAsync(world);
            await ReadsAndJobsAsync(world, hits);

            await Given.UntilAsync(async () =>
            {
                await using var db = await world.App.DbAsync();
                return await db.Calls.CountAsync(c => !c.Refused) == await db.CallCompletions.CountAsync();
            });
            Assert.True(world.Canaries.Count >= 50, $"only {world.Canaries.Count} canaries");
            var received = world.Upstream.Requests.Select(Received).ToList();
            foreach (var (about, canary) in called) if (!received.Exists(r => r.Contains(canary, StringComparison.Ordinal))) hits.Add($"the upstream never received {about}");

            foreach (var (from, bytes) in world.Recorder.All) hits.AddRange(world.Scanner.Scan("answer to " + from, bytes));
            Assert.True(world.Recorder.All.Count >= 200, $"only {world.Recorder.All.Count} answers were kept");
            ScanJobs(world, hits);
            ScanFiles(world.Scanner, directory, hits, running: true);
            ScanTemporary(world.Scanner, hits, began);
            await world.DisposeAsync();

            SqliteConnection.ClearAllPools();
            Assert.True(ScanFiles(world.Scanner, directory, hits, running: false) >= 4, "there are hardly any files in the data directory");
            Assert.True(world.App.Log.Lines.Count >= 500, $"only {world.App.Log.Lines.Count} lines were logged");
            foreach (var line in world.App.Log.Lines) hits.AddRange(world.Scanner.Scan("log: " + string.Join(' ', line.Split(' ').Take(2)), line, 1));
        }
        Assert.True(hits.Count == 0, $"{hits.Count} places hold a value, or took one:\n{string.Join('\n', hits.Select(h => h).Distinct().Take(60))}");
    }

    // Addresses and secrets of channels, one of whose receivers repeats whatever it was sent.
    private static async Task ChannelsAsync(CanaryWorld world, List<(string, string)> called)
    {
        await using var echo = await Upstream.StartAsync((context, seen) =>
        {
            context.Response.StatusCode = 500;
            return context.Response.WriteAsync($"{seen.Path}{seen.Query} {string.Join(' ', seen.Headers.Values)}");
        });
        foreach (var kind in new[] { "webhook", "feishu", "dingtalk", "slack" })
        {
            foreach (var receiver in new[] { world.Upstream, echo })
            {
                var (address, query) = (world.Canary($"{kind} address", plain: true), world.Canary($"{kind} query", plain: true));
                if (receiver == world.Upstream) called.Add(($"{kind} address", address));
                using var added = await world.SendAsync("POST", "/api/v1/webhooks", new { kind, workspace = CanaryWorld.Ws, name = $"{kind} at {receiver.Port}", url = $"{receiver.Url}/hook/{address}?token={query}", secret = kind == "slack" ? null : world.Canary($"{kind} secret", plain: true) });
                Assert.Equal(HttpStatusCode.Created, added.StatusCode);
                var id = JsonDocument.Parse(await added.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetGuid();
                await world.MustAsync(HttpStatusCode.OK, "POST", $"/api/v1/webhooks/{id}/test");
                await world.MustAsync(HttpStatusCode.OK, "GET", $"/api/v1/webhooks/{id}/deliveries");
            }
        }
        await world.MustAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/v1/webhooks", new { workspace = CanaryWorld.Ws, url = "gopher://" + world.Canary("address of a refused channel", plain: true), secret = world.Canary("secret of a refused channel", plain: true) });
        await world.MustAsync(HttpStatusCode.UnprocessableEntity, "POST", "/api/v1/webhooks", new { workspace = CanaryWorld.Ws, kind = "slack", url = world.Upstream.Url + "/" + world.Canary("address that is not kept", plain: true), secret = world.Canary("secret of Slack", plain: true) });
        await world.MustAsync(HttpStatusCode.OK, "GET", "/api/v1/webhooks");
    }

    private static async Task CallsThatWorkAsync(CanaryWorld world, List<(string, string)> called)
    {
        for (var i = 0; i < 20; i++)
        {
            var (name, slot) = ($"ok_{i}_prod", Slots[i % Slots.Length]);
            called.Add((name, await world.InUseAsync(name, world.Upstream.Url + "/v1", slot)));
            await world.CallAsync(HttpStatusCode.OK, name, "/things", invoke: true);
            if (slot != "body") await world.CallAsync(HttpStatusCode.OK, name, "/things");
        }
    }

    // Every place of a field and both ways of signing; of a signature's key nothing at all leaves.
    private static async Task CustomAsync(CanaryWorld world, List<(string, string)> called)
    {
        var host = new Uri(world.Upstream.Url).Authority;
        var (header, query, body, basic) = (world.Canary("field in a header"), world.Canary("field in the query"), world.Canary("field in the body"), world.Canary("password of Basic", plain: true));
        await world.MustAsync(HttpStatusCode.Created, "POST", "credentials", new
        {
            name = "named_prod", type = "custom", fields = new { token = header, code = query, key = body, user = "reader", password = basic, unused = world.Canary("field that goes nowhere") }, allowed_hosts = new[] { host }, allow_in_url = true,
            injection = new
            {
                fields = new object[]
                {
                    new { name = "token", place = "header", at = "X-Token", format = "Token {}" }, new { name = "code", place = "query", at = "code" }, new { name = "key", place = "body", at = "key" },
                    new { name = "user", secret = false, place = "basic_user" }, new { name = "password", place = "basic_password" },
                },
            },
        });
        var (awsKey, hmacKey) = (world.Canary("secret key of AWS"), world.Canary("key of HMAC"));
        await world.MustAsync(HttpStatusCode.Created, "POST", "credentials", new
        {
            name = "aws_prod", type = "custom", fields = new { access_key_id = "AKIDEXAMPLE", secret_access_key = awsKey, session_token = world.Canary("session token") }, allowed_hosts = new[] { host },
            injection = new { signing = "aws_sigv4", signing_options = new { region = "us-east-1", service = "execute-api" } },
        });
        await world.MustAsync(HttpStatusCode.Created, "POST", "credentials", new
        {
            name = "hmac_prod", type = "custom", fields = new { secret = hmacKey }, allowed_hosts = new[] { host }, injection = new { signing = "hmac" },
        });
        foreach (var name in (string[])["named_prod", "aws_prod", "hmac_prod"])
        {
            await world.MustAsync(HttpStatusCode.Created, "PUT", "tools/" + CanaryWorld.Tool(name), new { base_url = world.Upstream.Url, method = "POST", body = "{\"plain\":1}", credentials = new[] { name } });
            await world.MustAsync(HttpStatusCode.OK, "PATCH", "credentials/" + name, new { scope = new { tools = new[] { CanaryWorld.Tool(name) } } });
            await world.CallAsync(HttpStatusCode.OK, name, "/custom", invoke: true);
            await world.CallAsync(HttpStatusCode.OK, name, "/500", invoke: true);
            foreach (var view in (string[])["", "/calls", "/references", "/usage"]) await world.MustAsync(HttpStatusCode.OK, "GET", $"credentials/{name}{view}");
            if (name != "named_prod") await world.CallAsync(HttpStatusCode.OK, name, "/custom");
        }
        // A body that no field can go into.
        await world.CallAsync(HttpStatusCode.UnprocessableEntity, "named_prod", "/custom");
        called.AddRange([("a field in a header", header), ("a field in the query", query), ("a field in the body", body)]);
        foreach (var key in (string[])[awsKey, hmacKey]) Assert.DoesNotContain(world.Upstream.Requests, r => Received(r).Contains(key, StringComparison.Ordinal));
        foreach (var rotated in (string[])["named_prod", "aws_prod"])
            await world.MustAsync(HttpStatusCode.Created, "POST", $"credentials/{rotated}/rotation", new { fields = rotated == "aws_prod" ? new Dictionary<string, string> { ["secret_access_key"] = world.Canary("rotated key") } : new() { ["token"] = world.Canary("rotated field") } });
        await world.MustAsync(HttpStatusCode.UnprocessableEntity, "POST", "credentials", new { name = "bad_custom_prod", type = "custom", fields = new { a = world.Canary("value of a refused field") }, injection = new { fields = new[] { new { name = "a", place = world.Canary("a place", plain: true) } } } });
        await world.MustAsync(HttpStatusCode.UnprocessableEntity, "POST", "credentials", new { name = "bad_custom_prod", type = "custom", fields = new { a = "x" }, injection = new { signing = "hmac", signing_options = new Dictionary<string, string> { [world.Canary("an option", plain: true)] = "x" } } });
        await world.MustAsync(HttpStatusCode.UnprocessableEntity, "PUT", "tools/bad", new { base_url = "https://example.test", credentials = new[] { world.Canary("attached", plain: true) } });
    }

    private static async Task CallsThatFailAsync(CanaryWorld world, List<(string, string)> called)
    {
        foreach (var slot in (string[])["header", "query", "bearer"])
        {
            var name = $"fails_{slot}_prod";
            called.Add((name, await world.InUseAsync(name, world.Upstream.Url + "/v1", slot)));
            foreach (var status in (int[])[400, 401, 403, 429, 500, 503]) await world.CallAsync((HttpStatusCode)status, name, "/" + status);
            await world.CallAsync(HttpStatusCode.OK, name, "/500", invoke: true);
            await Task.WhenAll(world.CallAsync(HttpStatusCode.BadGateway, name, "/slow"), world.CallAsync(HttpStatusCode.BadGateway, name, "/slow", invoke: true));
            // Nobody of that name, so no credential is opened.
            await world.CallAsync(HttpStatusCode.Forbidden, name, "/x", agent: "nobody");
            foreach (var (kind, url) in new[] { ("closed", $"http://127.0.0.1:{world.ClosedPort}"), ("reset", $"http://127.0.0.1:{world.MutePort}"), ("tls", $"https://127.0.0.1:{world.MutePort}"), ("plain_tls", $"https://127.0.0.1:{world.Upstream.Port}") })
            {
                await world.InUseAsync($"{kind}_{slot}_prod", url, slot);
                await world.CallAsync(HttpStatusCode.BadGateway, $"{kind}_{slot}_prod", "/x");
                await world.CallAsync(HttpStatusCode.BadGateway, $"{kind}_{slot}_prod", "/x", invoke: true);
            }
        }
        // A caller who leaves.
        using var gone = new CancellationTokenSource(TimeSpan.FromMilliseconds(400));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => world.Api.GetAsync($"/broker/{CanaryWorld.Ws}/fails-query-prod/slow", gone.Token));
    }

    private static async Task DamagedAndUnsafeValuesAsync(CanaryWorld world)
    {
        await world.InUseAsync("damaged_prod", world.Upstream.Url, "header");
        await using (var db = await world.App.DbAsync())
        {
            await using var write = await db.BeginWriteAsync(None);
            await db.Database.ExecuteSqlRawAsync("UPDATE credential_version SET wrapped_key = substr(wrapped_key, 1, length(wrapped_key) - 1) || x'00' WHERE credential_id = (SELECT id FROM credential WHERE name = 'damaged_prod')", None);
            await db.Database.ExecuteSqlRawAsync("UPDATE credential SET stamp = (SELECT stamp + 1 FROM installation) WHERE name = 'damaged_prod'; UPDATE installation SET stamp = stamp + 1", None);
            await write.CommitAsync(None);
        }
        await world.CallAsync(HttpStatusCode.Conflict, "damaged_prod", "/x");

        // A value that was kept before the rule for header values was there.
        var canary = world.Canary("unsafe in a header");
        await world.MustAsync(HttpStatusCode.Created, "POST", "credentials", new { name = "unsafe_prod", type = "api_key", fields = new { value = world.Canary("unsafe, first") }, allowed_hosts = new[] { new Uri(world.Upstream.Url).Authority } });
        await world.ToolAsync("unsafe_prod", world.Upstream.Url, "header");
        var vault = world.App.Get<SecretVault>();
        await using (var db = await world.App.DbAsync())
        {
            await using var write = await db.BeginWriteAsync(None);
            var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync(c => c.Name == "unsafe_prod", None);
            var now = TimeProvider.System.GetUtcNow();
            using var plain = Plaintext.CopyOf(Encoding.UTF8.GetBytes(canary + "\r\nX-Injected: 1"));
            var value = vault.Seal(new SecretAddress(credential.WorkspaceId, credential.Id, 2), new Dictionary<string, Plaintext> { [Credential.MainField] = plain });
            credential.AddVersion(Guid.CreateVersion7(now), value, vault.Fingerprint(plain), "test", now);
            credential.Promote(now);
            await write.CommitAsync(None);
        }
        await world.CallAsync(HttpStatusCode.Forbidden, "unsafe_prod", "/x");
        await world.CallAsync(HttpStatusCode.Forbidden, "unsafe_prod", "/x", invoke: true);
    }

    private static Dictionary<string, Guid> ByField(Guid staged) => new() { [Credential.MainField] = staged };

    private static async Task IntakeAsync(CanaryWorld world, List<(string, string)> called)
    {
        var register = world.App.Get<RegisterCredential>();
        for (var i = 0; i < 8; i++)
        {
            var (name, canary) = ($"typed_{i}_prod", world.Canary("typed"));
            var staged = await world.StageAsync(canary);
            // Refused once, then corrected, as people do.
            Assert.NotNull((await register.ExecuteAsync(world.Actor, CanaryWorld.Ws, new("Not A Name", "api_key", Staged: ByField(staged)), None)).Problem);
            Assert.Null((await register.ExecuteAsync(world.Actor, CanaryWorld.Ws, new(name, "api_key", Staged: ByField(staged), AllowedHosts: [new Uri(world.Upstream.Url).Authority]), None)).Problem);
            await world.ToolAsync(name, world.Upstream.Url, Slots[i % 3]);
            await world.CallAsync(HttpStatusCode.OK, name, "/typed");
            called.Add((name, canary));
        }
        // Typed and never used, and one that is refused for what it is.
        for (var i = 0; i < 6; i++) await world.StageAsync(world.Canary("staged, never used"));
        var wrong = await world.StageAsync(world.Canary("two lines") + "\n" + world.Canary("two lines, the second"));
        Assert.NotNull((await register.ExecuteAsync(world.Actor, CanaryWorld.Ws, new("two_lines_prod", "api_key", Staged: ByField(wrong)), None)).Problem);
        using var refused = new HttpRequestMessage(HttpMethod.Post, "/ui/intake") { Content = new StringContent(world.Canary("without a ticket")) };
        using var answer = await world.Person.SendAsync(refused);
        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    private static async Task RotationsAsync(CanaryWorld world, List<(string, string)> called)
    {
        const string name = "turned_prod";
        const string rotation = "credentials/" + name + "/rotation";
        called.Add((name, await world.InUseAsync(name, world.Upstream.Url, "header")));
        await world.CallAsync(HttpStatusCode.OK, name, "/first");
        var second = world.Canary("rotated in, discarded");
        await world.MustAsync(HttpStatusCode.Created, "POST", rotation, new { fields = new { value = second } });
        foreach (var path in (string[])["/401", "/200", "/500", "/slow"]) await world.MustAsync(HttpStatusCode.OK, "POST", rotation + "/verify", new { path });
        called.Add(("the checked value", second));
        await world.MustAsync(HttpStatusCode.OK, "DELETE", rotation);

        var third = world.Canary("rotated in");
        await world.MustAsync(HttpStatusCode.Created, "POST", rotation, new { fields = new { value = third }, skip_verify = true, skip_verify_reason = "tested by hand" });
        await world.MustAsync(HttpStatusCode.Conflict, "POST", rotation, new { fields = new { value = world.Canary("while another is open") } });
        await world.MustAsync(HttpStatusCode.OK, "POST", rotation + "/promote", new { grace = "01:00:00" });
        await world.CallAsync(HttpStatusCode.OK, name, "/after");
        called.Add(("the promoted value", third));
        await world.MustAsync(HttpStatusCode.Conflict, "POST", rotation + "/retire");
        await world.MustAsync(HttpStatusCode.OK, "POST", rotation + "/rollback");

        var staged = await world.StageAsync(world.Canary("rotated in by hand"));
        var start = world.App.Get<StartRotation>();
        await using (var db = await world.App.DbAsync())
            if (await db.Rotations.AnyAsync(r => r.State == RotationState.Pending || r.State == RotationState.Grace, None)) await world.SendAsync("DELETE", rotation);
        var started = await start.ExecuteAsync(world.Actor, CanaryWorld.Ws, name, new(null, ByField(staged), SkipVerify: true, SkipVerifyReason: "tested by hand"), None);
        Assert.True(started.Problem is null, started.Problem?.Message);
        await world.MustAsync(HttpStatusCode.OK, "POST", rotation + "/promote", new { grace = "01:00:00" });
        await world.CallAsync(HttpStatusCode.OK, name, "/last");
        await world.MustAsync(HttpStatusCode.OK, "POST", rotation + "/retire", new { force = true });
    }

    private static async Task SessionsAsync(CanaryWorld world, List<(string, string)> called)
    {
        var host = new Uri(world.Upstream.Url).Authority;
        var forms = new (string Name, Func<string, string> Text)[]
        {
            ("header", v => "Cookie: theme=dark; sid=" + v),
            ("curl", v => $"curl '{world.Upstream.Url}/' \\\n  -H 'accept: */*' -b 'sid={v.Replace("'", "'\\''", StringComparison.Ordinal)}'"),
            ("netscape", v => $"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsid\t{v}"),
            ("json", v => JsonSerializer.Serialize(new[] { new { name = "sid", value = v, domain = "127.0.0.1", path = "/", expirationDate = 4070908800.5 } })),
        };
        foreach (var (form, text) in forms)
        {
            var (name, first, next) = ($"session_{form}_prod", world.Canary("session as " + form), world.Canary("session rolled by the site"));
            object Body(string value) => new { name, type = "cookie", fields = new { value = text(value) }, allowed_hosts = new[] { host }, session = new { marker = "Please sign in" } };
            await world.MustAsync(HttpStatusCode.Created, "POST", "credentials", Body(first));
            await world.MustAsync(HttpStatusCode.Created, "PUT", "tools/" + CanaryWorld.Tool(name), new { base_url = world.Upstream.Url, headers = new Dictionary<string, string> { ["Cookie"] = $"{{{{credential:{name}}}}}", ["X-Sid"] = $"{{{{credential:{name}.sid}}}}" } });
            await world.MustAsync(HttpStatusCode.OK, "PATCH", "credentials/" + name, new { scope = new { tools = new[] { CanaryWorld.Tool(name) } } });
            await world.CallAsync(HttpStatusCode.OK, name, "/things", invoke: true);
            using (var rolling = new HttpRequestMessage(HttpMethod.Get, $"/broker/{CanaryWorld.Ws}/{CanaryWorld.Tool(name)}/things"))
            {
                rolling.Headers.TryAddWithoutValidation("X-Roll", next);
                using var answer = await world.Api.SendAsync(rolling);
                Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            }
            await world.CallAsync(HttpStatusCode.OK, name, "/after");
            called.Add((name, first));
            called.Add((name + ", rolled", next));
            await world.CallAsync(HttpStatusCode.Unauthorized, name, "/401");
            await world.CallAsync(HttpStatusCode.BadGateway, name, "/slow");
            await world.MustAsync(HttpStatusCode.OK, "GET", "credentials/" + name);
            await world.MustAsync(HttpStatusCode.Created, "POST", $"credentials/{name}/rotation", new { fields = new { value = text(world.Canary("session rotated in")) } });
            await world.MustAsync(HttpStatusCode.OK, "GET", $"credentials/{name}/rotation");
        }
        // Each wrong in its own way, by the API and by the page.
        Func<string, string>[] wrong =
        [
            v => v, v => "sid=1; " + v, v => "Cookie: a b=" + v, v => $"curl 'https://app.example.test/{v}", v => $"curl https://app.example.test -b {v}.txt", v => $"# Netscape HTTP Cookie File\n.example.test TRUE / TRUE 0 sid {v}",
            v => $".example.test\tTRUE\t/\tTRUE\t{v}\tsid\tx", v => $".example.test\tTRUE\t/\tTRUE\t100\tsid\t{v}", v => $"[{{\"name\":\"sid\",\"value\":\"{v}\"", v => $"[{{\"name\":\"sid\",\"value\":[\"{v}\"]}}]", v => $"[{{\"name\":\"sid\",\"value\":\"x\",\"expires\":\"{v}\"}}]",
            v => $".example.test\tTRUE\t/\tTRUE\t0\tsid\t{v}", v => "sid=" + v + new string('x', 5000),
        ];
        var register = world.App.Get<RegisterCredential>();
        for (var i = 0; i < wrong.Length; i++)
        {
            await world.MustAsync(HttpStatusCode.UnprocessableEntity, "POST", "credentials", new { name = $"wrong_{i}_prod", type = "cookie", fields = new { value = wrong[i](world.Canary("malformed session", plain: true)) }, allowed_hosts = new[] { host } });
            var staged = await world.StageAsync(wrong[i](world.Canary("malformed session, typed", plain: true)));
            Assert.NotNull((await register.ExecuteAsync(world.Actor, CanaryWorld.Ws, new($"wrong_{i}_prod", "cookie", Staged: ByField(staged), AllowedHosts: [host]), None)).Problem);
        }
    }

    private static async Task BadBodiesAsync(CanaryWorld world, List<string> failures)
    {
        string C(string about) => world.Canary("bad body, " + about, plain: true);
        var large = new string('x', 64 * 1024);
        var i = 0;
        string Name() => $"bad_{++i}_prod";
        (string Method, string Path, string Body)[] bodies =
        [
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"{{{C("cut off")}}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"{{{C("no comma")}}}" "x"}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":{{{C("no quotes")}}}}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":"{{{C("fields is a text")}}}"}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":["{{{C("fields is a list")}}}"]}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"{{{C("name of a field")}}}":"x"}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":["{{{C("value in a list")}}}"]}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"{{{C("unknown member")}}}":1}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","value":"{{{C("value outside of fields")}}}"}"""),
            ("POST", "credentials", $$$"""{"name":"{{{C("name")}}}","type":"api_key","fields":{"value":"abc"}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"{{{C("type")}}}","fields":{"value":"abc"}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"description":"sk-ant-api03-{{{C("description")}}}"}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"description":{"text":"{{{C("description of another type")}}}"}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"description":"{{{C("description too long")}}}{{{large}}}"}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"{{{C("value too long")}}}{{{large}}}"}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"allowed_hosts":["{{{C("host")}}} and more"]}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"allowed_hosts":["https://user:{{{C("host with a password")}}}@example.test"]}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"allowed_hosts":"{{{C("hosts of another type")}}}"}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"scope":{"tools":["{{{C("scope")}}}"]}}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"owner":"{{{C("owner")}}}"}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"abc"},"expires_at":"{{{C("expiry")}}}"}"""),
            ("POST", "credentials", $$$"""{"name":"{{{Name()}}}","type":"api_key","fields":{"value":"{{{C("control character")}}}\u0007"}}"""),
            ("PATCH", "credentials/ok_0_prod", $$$"""{"fields":{"value":"{{{C("patched value")}}}"}}"""),
            ("PATCH", "credentials/ok_0_prod", $$$"""{"name":"{{{C("new name")}}}"}"""),
            ("PATCH", "credentials/ok_0_prod", $$$"""{"{{{C("patched member")}}}":"x"}"""),
            ("POST", "credentials/ok_0_prod/rotation", $$$"""{"fields":{"value":"{{{C("rotation cut off")}}}"""),
            ("POST", "credentials/ok_0_prod/rotation", $$$"""{"fields":{"value":"{{{C("rotation")}}}"},"skip_verify":"{{{C("rotation, type")}}}"}"""),
            ("POST", "credentials/ok_0_prod/rotation/promote", $$$"""{"grace":"{{{C("grace")}}}"}"""),
            ("POST", "credentials/ok_0_prod/rotation/verify", $$$"""{"{{{C("verify member")}}}":"x"}"""),
            ("POST", "/api/v1/workspaces", $$$"""{"{{{C("workspace member")}}}":"x"}"""),
            ("POST", "/api/v1/workspaces", $$$"""{"name":"x","slug":"{{{C("slug")}}}"}"""),
            ("POST", "/api/v1/workspaces", $$$"""{"name":{{{C("workspace without quotes")}}}}"""),
            ("POST", "/api/v1/api-keys", $$$"""{"name":"x","scopes":["{{{C("scope of a key")}}}"]}"""),
            ("POST", "/api/v1/api-keys", $$$"""{"name":"x","scopes":"{{{C("scopes of another type")}}}"}"""),
            ("PUT", "tools/bad", $$$"""{"base_url":"https://user:{{{C("password in a URL")}}}@example.test"}"""),
            ("PUT", "tools/bad", $$$"""{"base_url":"https://example.test","headers":{"Authorization":"Bearer {{{C("header")}}}"}}"""),
            ("PUT", "tools/bad", $$$"""{"base_url":"https://example.test","query":{"api_key":"{{{C("query")}}}"}}"""),
            ("PUT", "tools/bad", $$$"""{"base_url":"https://example.test","body":{"password":"{{{C("body")}}}"}}"""),
            ("PUT", "tools/bad", $$$"""{"base_url":"https://example.test","headers":{"X-Key":"{{credential:{{{C("placeholder")}}}}}"}}"""),
            ("PUT", "tools/bad", $$$"""{"base_url":"https://example.test","headers":{"X-Key":["{{{C("header of another type")}}}"]}}"""),
            ("PUT", "agents/bad", $$$"""{"tools":["{{{C("tool of an agent")}}}"]}"""),
            ("POST", "tools/ok-0-prod/invoke", $$$"""{"{{{C("invoke member")}}}":"x"}"""),
            ("POST", "tools/ok-0-prod/invoke", $$$"""{"method":"{{{C("method")}}}"}"""),
        ];
        foreach (var (method, path, body) in bodies)
        {
            using var answer = await world.SendAsync(method, path, body);
            if ((int)answer.StatusCode is < 400 or >= 500) failures.Add($"{method} {path}: {(int)answer.StatusCode} to the bad body {Array.FindIndex(bodies, b => b.Body == body)}");
        }
    }

    private static async Task RepeatedRegistrationAsync(CanaryWorld world)
    {
        var body = new { name = "again_prod", type = "api_key", fields = new { value = world.Canary("sent twice") } };
        await world.MustAsync(HttpStatusCode.Created, "POST", "credentials", body, "again-1");
        await world.MustAsync(HttpStatusCode.Created, "POST", "credentials", body, "again-1");
        await world.MustAsync(HttpStatusCode.Conflict, "POST", "credentials", new { name = "again_prod", type = "api_key", fields = new { value = world.Canary("another body") } }, "again-1");
        await world.MustAsync(HttpStatusCode.Conflict, "POST", "credentials", new { name = "again_prod", type = "api_key", fields = new { value = world.Canary("taken name") } });
    }

    private static async Task LifeOfACredentialAsync(CanaryWorld world)
    {
        await world.MustAsync(HttpStatusCode.OK, "PATCH", "credentials/ok_0_prod", new { name = "renamed_prod", description = "For the CRM", provider = "crm", expires_at = "2099-01-01T00:00:00Z" });
        await world.MustAsync(HttpStatusCode.Conflict, "DELETE", "credentials/ok_1_prod");
        await world.MustAsync(HttpStatusCode.NoContent, "DELETE", "credentials/ok_1_prod?break_references=true");
        await world.CallAsync(HttpStatusCode.NotFound, "gone_prod", "/x");
        foreach (var view in (string[])["", "/references", "/calls", "/usage", "/rotation", "/access?tool=ok-2-prod"])
            using (await world.SendAsync("GET", "credentials/ok_2_prod" + view)) { }
    }

    private static async Task ReadsAndJobsAsync(CanaryWorld world, List<string> failures)
    {
        var jobs = world.App.Get<JobList>().Entries;
        foreach (var job in jobs) Assert.Null((await world.App.Get<TriggerJob>().ExecuteAsync(world.Actor, job.Name, None)).Problem);
        var deadline = TimeProvider.System.GetTimestamp();
        while (true)
        {
            await using var db = await world.App.DbAsync();
            var ran = await db.JobRuns.Select(r => r.Name).Distinct().ToListAsync();
            var missing = jobs.Select(j => j.Name).Except(ran).ToList();
            if (missing.Count == 0) break;
            if (TimeProvider.System.GetElapsedTime(deadline) > TimeSpan.FromMinutes(1))
            {
                failures.Add("did not run: " + string.Join(", ", missing));
                break;
            }
            await Task.Delay(50);
        }
        foreach (var path in (string[])["/api/v1/audit/events?limit=100", "/api/v1/audit/export?format=csv", "/api/v1/audit/export?format=jsonl", "/api/v1/audit/verify", "/api/v1/notifications", "/api/v1/api-keys", "/openapi/v1.json"])
        {
            using var answer = await world.SendAsync("GET", path);
            Assert.True(answer.IsSuccessStatusCode, path);
        }
        var pages = 0;
        foreach (var endpoint in world.App.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods is { Count: > 0 } methods && !methods.Contains("GET")) continue;
            var path = "/" + endpoint.RoutePattern.RawText!.TrimStart('/');
            if (path.StartsWith("/_blazor", StringComparison.Ordinal) || path.Contains("{**", StringComparison.Ordinal)) continue;
            path = path.Replace("{Ws}", CanaryWorld.Ws, StringComparison.Ordinal).Replace("{ws}", CanaryWorld.Ws, StringComparison.Ordinal).Replace("{Code:int}", "404", StringComparison.Ordinal);
            path = Filled().Replace(path, path.Contains("/tools/", StringComparison.Ordinal) ? "ok-2-prod" : "ok_2_prod");
            foreach (var client in (HttpClient[])[world.Api, world.Person])
            {
                using var answer = await client.GetAsync(path);
                Assert.True((int)answer.StatusCode < 500, $"GET {path}: {(int)answer.StatusCode}");
                pages++;
            }
        }
        Assert.True(pages >= 60, $"only {pages} addresses were opened");
        using var download = await world.Person.GetAsync("/ui/audit/export?format=csv");
        Assert.True(download.IsSuccessStatusCode);
    }

    private static void ScanJobs(CanaryWorld world, List<string> hits)
    {
        var monitor = world.App.Get<JobStorage>().GetMonitoringApi();
        var all = monitor.SucceededJobs(0, 10_000).Select(j => j.Key).Concat(monitor.FailedJobs(0, 10_000).Select(j => j.Key)).Concat(monitor.ProcessingJobs(0, 1000).Select(j => j.Key)).Concat(monitor.ScheduledJobs(0, 1000).Select(j => j.Key)).ToList();
        Assert.NotEmpty(all);
        foreach (var id in all)
        {
            if (monitor.JobDetails(id) is not { } details) continue;
            var text = new StringBuilder().AppendJoin('\n', details.Job?.Args ?? []).AppendJoin('\n', details.Properties);
            foreach (var state in details.History) text.Append(state.StateName).Append(state.Reason).AppendJoin('\n', state.Data);
            hits.AddRange(world.Scanner.Scan("a job in Hangfire", text.ToString()));
        }
    }

    private static int ScanFiles(CanaryScanner scanner, string directory, List<string> hits, bool running)
    {
        var files = DataFolder.Read(directory);
        foreach (var (file, bytes) in files) hits.AddRange(scanner.Scan($"{Path.GetFileName(file)}{(running ? " while running" : "")}", bytes));
        return files.Count;
    }

    // What was written to the machine's folder for such things since then.
    private static void ScanTemporary(CanaryScanner scanner, List<string> hits, DateTime since)
    {
        foreach (var file in new DirectoryInfo(Path.GetTempPath()).EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true, MaxRecursionDepth = 2 }))
        {
            // Data directories of apps of other tests; this one's own is looked at by itself.
            if (file.FullName.Contains("/evose-", StringComparison.Ordinal)) continue;
            try
            {
                // Nothing is in an empty file. Danger: a pipe that a killed process left behind has no length either, and opening it waits forever.
                if (file.Length == 0 || file.LastWriteTimeUtc < since || file.Length > 32 * 1024 * 1024) continue;
                using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
                using var bytes = new MemoryStream();
                stream.CopyTo(bytes);
                hits.AddRange(scanner.Scan(file.Name, bytes.ToArray()));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Somebody else's file, gone meanwhile.
            }
        }
    }

    private static string Received(Upstream.Seen seen) =>
        string.Join('\n', [seen.Path, .. seen.Headers.Values, Uri.UnescapeDataString(seen.Query), seen.Body.StartsWith('{') ? JsonDocument.Parse(seen.Body).RootElement.TryGetProperty("key", out var key) ? key.GetString() : seen.Body : seen.Body]);

    [GeneratedRegex(@"\{[^}]*\}")]
    private static partial Regex Filled();
}
