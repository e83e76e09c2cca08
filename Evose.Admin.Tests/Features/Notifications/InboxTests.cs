using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Tests.Features.Audit;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Notifications;

public sealed class InboxTests
{
    [Fact]
    public async Task Each_role_sees_and_acknowledges_what_is_theirs()
    {
        await using var app = new AdminApp();
        var (sales, hr) = (await app.WorkspaceAsync("sales"), await app.WorkspaceAsync("hr"));
        var inSales = await RaiseAsync(app, sales.Id, "sales");
        var inHr = await RaiseAsync(app, hr.Id, "hr");
        var organization = await RaiseAsync(app, null, "org");
        var admin = await app.AdminAsync();
        var auditor = await app.PersonAsync("auditor@example.test", OrganizationRole.Reviewer);
        var manager = await app.PersonAsync("manager@example.test", OrganizationRole.Member, (sales.Id, WorkspaceRole.Admin));
        var reviewer = await app.PersonAsync("reviewer@example.test", OrganizationRole.Member, (sales.Id, WorkspaceRole.Reviewer));
        var builder = await app.PersonAsync("builder@example.test", OrganizationRole.Member, (sales.Id, WorkspaceRole.Builder));
        var user = await app.PersonAsync("user@example.test", OrganizationRole.Member, (sales.Id, WorkspaceRole.User));

        var inbox = app.Get<InboxQuery>();
        foreach (var (actor, sees) in new[] { (admin, 3), (auditor, 3), (manager, 1), (reviewer, 1), (builder, 1), (user, 0), (Actor.Nobody, 0) })
        {
            Assert.Equal(sees, await inbox.CountOpenAsync(actor, CancellationToken.None));
            Assert.Equal(sees, (await inbox.RunAsync(actor, null, null, null, null, CancellationToken.None)).Value!.Data.Count);
        }
        Assert.All((await inbox.RunAsync(auditor, null, null, null, null, CancellationToken.None)).Value!.Data, r => Assert.False(r.CanAcknowledge));
        Assert.True((await inbox.RunAsync(manager, null, null, null, null, CancellationToken.None)).Value!.Data[0].CanAcknowledge);

        var acknowledge = app.Get<AcknowledgeNotification>();
        Assert.Equal(ProblemKind.Forbidden, (await acknowledge.ExecuteAsync(auditor, organization, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await acknowledge.ExecuteAsync(reviewer, inSales, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await acknowledge.ExecuteAsync(builder, inSales, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(ProblemKind.NotFound, (await acknowledge.ExecuteAsync(manager, inHr, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(ProblemKind.NotFound, (await acknowledge.ExecuteAsync(manager, organization, CancellationToken.None)).Problem?.Kind);
        Assert.Equal(manager.Name, (await acknowledge.ExecuteAsync(manager, inSales, CancellationToken.None)).Value!.AcknowledgedBy);
        Assert.Equal(manager.Name, (await acknowledge.ExecuteAsync(admin, inSales, CancellationToken.None)).Value!.AcknowledgedBy);
        Assert.Equal(2, await inbox.CountOpenAsync(admin, CancellationToken.None));
        await using var db = await app.Dbs().CreateDbContextAsync();
        Assert.Equal(1, await db.AuditEvents.CountAsync(e => e.Action == AuditAction.NotificationAcknowledged));
    }

    [Fact]
    public async Task The_rest_surface_pages_and_acknowledges()
    {
        await using var app = new AdminApp();
        var ws = await app.WorkspaceAsync("sales");
        for (var i = 0; i < 7; i++) await RaiseAsync(app, ws.Id, $"n-{i}");
        using var api = app.Api();
        var seen = new List<string>();
        var cursor = "";
        do
        {
            var page = await api.GetFromJsonAsync<JsonElement>($"/api/v1/notifications?workspace=sales&limit=3&cursor={cursor}");
            seen.AddRange(page.GetProperty("data").EnumerateArray().Select(n => n.GetProperty("id").GetString()!));
            cursor = page.GetProperty("next_cursor").GetString();
        }
        while (cursor is not null);
        Assert.Equal(7, seen.Distinct().Count());
        Assert.Equal(7, seen.Count);
        using var done = await api.PostAsync($"/api/v1/notifications/{seen[0]}/acknowledge", null);
        Assert.Equal(HttpStatusCode.OK, done.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await api.PostAsync($"/api/v1/notifications/{Guid.Empty}/acknowledge", null)).StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, (await api.GetAsync("/api/v1/notifications?state=odd")).StatusCode);
        var acknowledged = await api.GetFromJsonAsync<JsonElement>("/api/v1/notifications?state=acknowledged");
        Assert.Equal("bootstrap", Assert.Single(acknowledged.GetProperty("data").EnumerateArray()).GetProperty("acknowledged_by").GetString());
    }

    private static async Task<Guid> RaiseAsync(AdminApp app, Guid? workspace, string key)
    {
        await using var db = await app.Dbs().CreateDbContextAsync();
        var now = app.Get<TimeProvider>().GetUtcNow();
        var notification = new Notification { Id = Guid.CreateVersion7(now), WorkspaceId = workspace, Kind = NotificationKind.JobFailed, Key = key, Title = key, Body = key, CreatedAt = now };
        db.Notifications.Add(notification);
        await db.SaveChangesAsync();
        return notification.Id;
    }
}
