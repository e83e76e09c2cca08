using System.Net.Http.Json;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Platform.Data;

public sealed class QuietLogTests
{
    [Fact]
    public async Task Everyday_work_makes_the_database_layer_warn_of_nothing()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp();
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        await Given.CredentialAsync(app, ws, "crm_prod");
        await Given.ToolAsync(app, ws, "crm", upstream.Url, "crm_prod");
        var patched = await api.PatchAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod", new { scope = new { tools = new[] { "crm" } }, allowed_hosts = new[] { new Uri(upstream.Url).Authority } });
        Assert.True(patched.IsSuccessStatusCode, await patched.Content.ReadAsStringAsync());
        Assert.Equal(System.Net.HttpStatusCode.OK, (await api.GetAsync($"/broker/{ws}/crm/x")).StatusCode);
        foreach (var (path, body) in new (string, object)[] { ("rotation", new { fields = new { value = "s3cret-value-0002" }, skip_verify = true }), ("rotation/promote", new { }), ("leak", new { note = "seen in a log" }) })
        {
            using var answer = await api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod/{path}", body);
            Assert.True(answer.IsSuccessStatusCode, path + ": " + await answer.Content.ReadAsStringAsync());
        }
        foreach (var path in new[] { "", "/rotation", "/calls", "/usage", "/references" })
            Assert.Equal(System.Net.HttpStatusCode.OK, (await api.GetAsync($"/api/v1/workspaces/{ws}/credentials/crm_prod{path}")).StatusCode);
        Assert.Equal(System.Net.HttpStatusCode.OK, (await api.GetAsync("/api/v1/audit/verify")).StatusCode);
        Assert.DoesNotContain(app.Log.Lines, l => l.StartsWith("Warning Microsoft.EntityFrameworkCore", StringComparison.Ordinal) || l.StartsWith("Warning Microsoft.AspNetCore.DataProtection", StringComparison.Ordinal));
    }
}
