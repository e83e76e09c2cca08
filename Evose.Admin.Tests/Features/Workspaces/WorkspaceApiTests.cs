using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Features.Workspaces;

public sealed class WorkspaceApiTests
{
    [Fact]
    public async Task Creates_and_lists_a_workspace_and_refuses_a_duplicate()
    {
        await using var app = new AdminApp();
        using var api = app.Api();
        var created = await api.PostAsJsonAsync("/api/v1/workspaces", new { name = "Customer Service", slug = "cs" });
        Assert.Equal(HttpStatusCode.Created, created.StatusCode);
        Assert.Contains("\"cs\"", await api.GetStringAsync("/api/v1/workspaces"));
        var again = await api.PostAsJsonAsync("/api/v1/workspaces", new { name = "Customer Service", slug = "cs" });
        Assert.Equal(HttpStatusCode.Conflict, again.StatusCode);
        Assert.Contains("CONFLICT", await again.Content.ReadAsStringAsync());
    }
}
