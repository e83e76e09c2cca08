using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Rotation;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Rotation;

public sealed class RotationMovesTests : IAsyncLifetime
{
    private RotationWorld _world = null!;
    private Upstream _upstream = null!;

    public async ValueTask InitializeAsync()
    {
        _upstream = await Upstream.StartAsync();
        _world = await RotationWorld.StartAsync();
        await _world.SeedAsync(_upstream.Url, "key-one");
    }

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        await _upstream.DisposeAsync();
    }

    [Fact]
    public async Task The_whole_way_and_every_illegal_move_on_it()
    {
        (await _world.GetAsync()).Expect(HttpStatusCode.NotFound);
        foreach (var move in new[] { "/verify", "/promote", "/rollback", "/retire" }) (await _world.PostAsync(move)).Expect(HttpStatusCode.Conflict, "none");
        (await _world.DiscardAsync()).Expect(HttpStatusCode.Conflict, "none");

        var started = (await _world.StartAsync("key-two", skip: false)).Expect(HttpStatusCode.Created, "pending");
        Assert.Equal((2, 1, null, 2), (started.Number("pending"), started.Number("active"), started.Number("retiring"), started.Number("step")));
        (await _world.StartAsync("key-three")).Expect(HttpStatusCode.Conflict, "pending");
        (await _world.PostAsync("/promote")).Expect(HttpStatusCode.Conflict, "pending");
        (await _world.PostAsync("/rollback")).Expect(HttpStatusCode.Conflict, "pending");
        (await _world.PostAsync("/retire", new { force = true })).Expect(HttpStatusCode.Conflict, "pending");

        var verified = (await _world.PostAsync("/verify", new { path = "/models" })).Expect(HttpStatusCode.OK, "pending");
        Assert.Equal(("alive", 3), (verified.Json.GetProperty("verify").GetProperty("result").GetString(), verified.Number("step")));
        Assert.Equal("key-two", _upstream.Requests.Last().Headers["X-Key"]);

        var promoted = (await _world.PostAsync("/promote", new { grace = "1.00:00:00" })).Expect(HttpStatusCode.OK, "grace");
        Assert.Equal((null, 2, 1, 4), (promoted.Number("pending"), promoted.Number("active"), promoted.Number("retiring"), promoted.Number("step")));
        Assert.Contains("grace_running", promoted.Holds);
        foreach (var move in new[] { "/verify", "/promote" }) (await _world.PostAsync(move)).Expect(HttpStatusCode.Conflict, "grace");
        (await _world.StartAsync("key-three")).Expect(HttpStatusCode.Conflict, "grace");
        (await _world.DiscardAsync()).Expect(HttpStatusCode.Conflict, "grace");
        Assert.Contains("grace_running", (await _world.PostAsync("/retire")).Expect(HttpStatusCode.Conflict, "grace").Holds);

        var retired = (await _world.PostAsync("/retire", new { force = true })).Expect(HttpStatusCode.OK, "retired");
        Assert.Equal((2, null), (retired.Number("active"), retired.Number("retiring")));
        foreach (var move in new[] { "/verify", "/promote", "/rollback", "/retire" }) (await _world.PostAsync(move)).Expect(HttpStatusCode.Conflict, "retired");
        (await _world.GetAsync()).Expect(HttpStatusCode.OK, "retired");

        var credential = await _world.CredentialAsync();
        Assert.Equal([AuditAction.RotationStarted, AuditAction.RotationVerified, AuditAction.RotationPromoted, AuditAction.RotationRetired], await _world.AuditAsync(credential.Id));
        Assert.Null(credential.Versions.Single(v => v.Number == 1).Value);
    }

    [Fact]
    public async Task Rolls_back_within_the_grace_and_destroys_the_new_value_only()
    {
        await _world.StartAsync("key-two");
        await _world.PostAsync("/promote");
        var answer = (await _world.PostAsync("/rollback")).Expect(HttpStatusCode.OK, "rolled_back");
        Assert.Equal(1, answer.Number("active"));
        var versions = (await _world.CredentialAsync()).Versions;
        Assert.NotNull(versions.Single(v => v.Number == 1).Value);
        Assert.Null(versions.Single(v => v.Number == 2).Value);
        await _world.CallAsync();
        Assert.Equal("key-one", _upstream.Requests.Last().Headers["X-Key"]);
        // The value that was rolled back may be right once the provider is.
        (await _world.StartAsync("key-two")).Expect(HttpStatusCode.Created, "pending");
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task Discarding_destroys_the_pending_value()
    {
        await _world.StartAsync("key-two");
        var sealedBytes = (await _world.CredentialAsync()).Pending!.Value!;
        Assert.True(Holds(sealedBytes.WrappedKey) && Holds(sealedBytes.Fields["value"]));
        (await _world.DiscardAsync()).Expect(HttpStatusCode.OK, "discarded");
        Assert.Null((await _world.CredentialAsync()).Versions.Single(v => v.Number == 2).Value);
        Assert.False(Holds(sealedBytes.WrappedKey) || Holds(sealedBytes.Fields["value"]));
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task Retiring_leaves_no_byte_of_the_old_value_in_any_file()
    {
        var old = (await _world.CredentialAsync()).Active!.Value!;
        await _world.StartAsync("key-two");
        await _world.PostAsync("/promote", new { grace = 0 });
        Assert.True(Holds(old.WrappedKey) && Holds(old.Fields["value"]));
        (await _world.PostAsync("/retire", new { force = true })).Expect(HttpStatusCode.OK, "retired");
        Assert.False(Holds(old.WrappedKey) || Holds(old.Fields["value"]));
    }

    private bool Holds(byte[] bytes) => new[] { "evose.db", "evose.db-wal", "evose.db-shm" }.Any(file =>
    {
        var path = Path.Combine(_world.App.DataDirectory, file);
        if (!File.Exists(path)) return false;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray().AsSpan().IndexOf(bytes.AsSpan(4)) >= 0;
    });

    [Theory]
    [InlineData("/promote", "/promote")]
    [InlineData("/promote", "DELETE")]
    [InlineData("DELETE", "DELETE")]
    public async Task Two_admins_racing_before_the_swap_have_one_winner(string first, string second)
    {
        for (var i = 0; i < 5; i++)
        {
            (await _world.StartAsync($"key-race-{i}")).Expect(HttpStatusCode.Created);
            await RaceAsync(first, second);
            if ((await _world.GetAsync()).State == "grace") (await _world.PostAsync("/rollback")).Expect(HttpStatusCode.OK);
        }
    }

    [Theory]
    [InlineData("/rollback", "/rollback")]
    [InlineData("/rollback", "/retire")]
    [InlineData("/retire", "/retire")]
    public async Task Two_admins_racing_after_the_swap_have_one_winner(string first, string second)
    {
        for (var i = 0; i < 5; i++)
        {
            (await _world.StartAsync($"key-{first}-{second}-{i}")).Expect(HttpStatusCode.Created);
            (await _world.PostAsync("/promote")).Expect(HttpStatusCode.OK);
            await RaceAsync(first, second);
            Assert.NotNull((await _world.CredentialAsync()).Active?.Value);
        }
    }

    private async Task RaceAsync(string first, string second)
    {
        var answers = await Task.WhenAll(new[] { first, second }.Select(m => Task.Run(() => m == "DELETE" ? _world.DiscardAsync() : _world.PostAsync(m, m == "/retire" ? new { force = true } : null))));
        Assert.Equal(1, answers.Count(a => a.Status == HttpStatusCode.OK));
        var loser = answers.Single(a => a.Status != HttpStatusCode.OK).Expect(HttpStatusCode.Conflict);
        Assert.NotNull(loser.State);
    }

    [Fact]
    public async Task Refuses_a_value_that_is_or_was_in_use_and_warns_of_one_that_another_credential_holds()
    {
        (await _world.StartAsync("key-one")).Expect(HttpStatusCode.UnprocessableEntity);
        await _world.StartAsync("key-two");
        await _world.PostAsync("/promote");
        await _world.PostAsync("/retire", new { force = true });
        var older = (await _world.StartAsync("key-one")).Expect(HttpStatusCode.UnprocessableEntity);
        Assert.DoesNotContain("key-one", older.Text);

        await _world.SeedAsync(_upstream.Url, "key-of-other", "other_prod", "other");
        var warned = (await _world.StartAsync("key-of-other")).Expect(HttpStatusCode.Created);
        Assert.Contains("other_prod", warned.Json.GetProperty("warnings")[0].GetString());
    }

    [Fact]
    public async Task Refuses_bad_input_without_quoting_it()
    {
        var large = new string('k', 64 * 1024 + 1);
        foreach (var fields in new object?[] { new { value = "" }, new { value = "ca\nnary-x" }, new { value = large }, new { other = "canary-x" }, new Dictionary<string, string> { ["Bad Name"] = "canary-x" }, new { } })
        {
            var answer = (await _world.PostAsync("", new { fields })).Expect(HttpStatusCode.UnprocessableEntity);
            Assert.DoesNotContain("nary-x", answer.Text);
        }
        foreach (var body in new object[] { new { fields = new { value = 5 } }, new { fields = "canary-x" }, new { fields = new { value = "canary-x" }, unknown = 1 }, new { fields = new { value = "canary-x" }, skip_verify = "perhaps" } })
            Assert.DoesNotContain("canary-x", (await _world.PostAsync("", body)).Expect(HttpStatusCode.BadRequest).Text);
        (await _world.PostAsync("", new { fields = new { value = "canary-x" }, skip_verify = true, skip_verify_reason = new string('r', 401) })).Expect(HttpStatusCode.UnprocessableEntity);
        (await _world.PostAsync("", new { fields = new { value = "canary-x" }, skip_verify_reason = "forgot the other field" })).Expect(HttpStatusCode.UnprocessableEntity);
        (await _world.PostAsync("", new { fields = new { value = "canary-x" } }, "unknown_prod")).Expect(HttpStatusCode.NotFound);

        await _world.StartAsync("key-two");
        foreach (var grace in new object[] { "tomorrow", -1, "31.00:00:00", "P1Y", true, 3e9 }) (await _world.PostAsync("/promote", new { grace })).Expect(HttpStatusCode.UnprocessableEntity);
        foreach (var path in new[] { "/../x", "http://elsewhere", "/a\nb", "/a#b", "/%2e%2e/x" }) (await _world.PostAsync("/verify", new { path })).Expect(HttpStatusCode.UnprocessableEntity);
        (await _world.PostAsync("/verify", new { tool = "nobody" })).Expect(HttpStatusCode.UnprocessableEntity);
        (await _world.GetAsync()).Expect(HttpStatusCode.OK, "pending");
    }

    [Fact]
    public async Task Only_the_right_keys_move_a_rotation_and_foreign_workspaces_do_not_exist()
    {
        using var anonymous = _world.App.Api(null);
        Assert.Equal(HttpStatusCode.Unauthorized, (await anonymous.GetAsync($"/api/v1/workspaces/cs/credentials/{RotationWorld.Name}/rotation")).StatusCode);
        using var api = _world.App.Api();
        Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync($"/api/v1/workspaces/other/credentials/{RotationWorld.Name}/rotation/promote", null)).StatusCode);
    }

    [Fact]
    public async Task A_page_that_is_behind_is_told_so_and_changes_nothing()
    {
        await _world.StartAsync("key-two");
        var actor = await _world.AdminAsync();
        var seen = (await _world.App.Get<RotationQuery>().RunAsync(actor, "cs", RotationWorld.Name, null, CancellationToken.None)).Value!.Rotation!.Seen;
        await _world.PostAsync("/promote");
        var late = await _world.App.Get<RollBack>().ExecuteAsync(actor, "cs", RotationWorld.Name, new RollBack.Input(seen), CancellationToken.None);
        Assert.Equal("grace", late.Problem!.Details!["state"]);
        (await _world.GetAsync()).Expect(HttpStatusCode.OK, "grace");
    }

    [Fact]
    public async Task Fields_that_are_not_named_are_carried_over()
    {
        await _world.SeedAsync(_upstream.Url, "user-name", "pair_prod", "pair", CredentialType.Custom);
        (await _world.PostAsync("", new { fields = new { password = "second" }, skip_verify = true }, "pair_prod")).Expect(HttpStatusCode.Created);
        (await _world.PostAsync("/promote", null, "pair_prod")).Expect(HttpStatusCode.OK);
        await _world.CallAsync(tool: "pair");
        Assert.Equal("user-name", _upstream.Requests.Last().Headers["X-Key"]);
        Assert.Equal(["password", "value"], (await _world.CredentialAsync("pair_prod")).Active!.Fields.Select(f => f.Name).Order());
    }

    [Fact]
    public async Task A_rotation_of_an_archived_credential_is_ended_by_the_sweep()
    {
        await _world.StartAsync("key-two");
        await using (var db = _world.Db())
        {
            var credential = await db.Credentials.Include(c => c.Versions).ThenInclude(v => v.Fields).SingleAsync();
            credential.Archive(TimeProvider.System.GetUtcNow());
            await db.SaveChangesAsync();
        }
        Assert.Equal(1, await _world.SweepAsync());
        Assert.Equal(0, await _world.SweepAsync());
        await using var after = _world.Db();
        Assert.Equal(RotationState.Discarded, (await after.Rotations.SingleAsync()).State);
    }
}

public sealed class GraceTests
{
    [Theory]
    [InlineData("1.00:00:00", 86400)]
    [InlineData("24:00:00", 86400)]
    [InlineData("00:30", 1800)]
    [InlineData("PT24H", 86400)]
    [InlineData("P7D", 604800)]
    [InlineData("3600", 3600)]
    [InlineData("0", 0)]
    public void Reads_what_automation_writes(string text, double seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Grace.Parse(text).Value);

    [Theory]
    [InlineData("")]
    [InlineData("soon")]
    [InlineData("1:2:3:4")]
    [InlineData("-1")]
    [InlineData("P")]
    [InlineData("99999999999:00")]
    public void Refuses_the_rest(string text) => Assert.NotNull(Grace.Parse(text).Problem);
}
