using Bunit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Home;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using MudBlazor.Services;

namespace Evose.Admin.Tests.Features.Home;

public sealed class OverviewTests
{
    [Fact]
    public async Task What_needs_somebody_is_said_once()
    {
        await using var app = new AdminApp();
        var ws = await Given.WorkspaceAsync(app, "cs");
        await Given.CredentialAsync(app, ws, "crm_prod");
        await Given.CredentialAsync(app, ws, "mail_prod");
        var now = app.Get<TimeProvider>().GetUtcNow();
        await using (var db = await app.DbAsync())
        {
            var place = await db.Workspaces.SingleAsync(w => w.Slug == ws);
            var crm = await db.Credentials.SingleAsync(c => c.Name == "crm_prod");
            await db.Credentials.Where(c => c.Id == crm.Id).ExecuteUpdateAsync(s => s.SetProperty(c => c.ExpiresAt, now.AddDays(2)));
            void Note(NotificationKind kind, Guid? credential, string title) =>
                db.Notifications.Add(new Notification { Id = Guid.CreateVersion7(now), WorkspaceId = place.Id, Kind = kind, Key = title, CredentialId = credential, Title = title, CreatedAt = now });
            Note(NotificationKind.ExpirySoon, crm.Id, "crm_prod expires");
            Note(NotificationKind.SignInNeeded, crm.Id, "crm_prod needs a sign-in");
            Note(NotificationKind.Expired, (await db.Credentials.SingleAsync(c => c.Name == "mail_prod")).Id, "mail_prod has expired, long ago");
            Note(NotificationKind.JobFailed, null, "A job failed");
            await db.SaveChangesAsync();
        }
        var view = (await app.Get<OverviewQuery>().RunAsync(await app.AdminAsync(), ws, CancellationToken.None)).Value!;
        Assert.Equal(["A job failed", "crm_prod", "crm_prod needs a sign-in", "mail_prod has expired, long ago"], view.NeedsYou.Select(i => i.Text).Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_organization_is_not_sent_to_tools_and_calls_that_it_has_not()
    {
        await using var app = new AdminApp();
        await Given.WorkspaceAsync(app, "cs");
        var admin = await app.AdminAsync();
        var query = app.Get<OverviewQuery>();
        var own = (await query.RunAsync(admin, Workspace.OrganizationSlug, CancellationToken.None)).Value!;
        Assert.Equal(["credential", "rotate", "reviewer"], own.Steps!.Select(s => s.Key));
        Assert.Null(own.Recent);
        Assert.NotNull(own.Calls);
        var workspace = (await query.RunAsync(admin, "cs", CancellationToken.None)).Value!;
        Assert.Equal(["credential", "tool", "key", "call", "rotate", "reviewer"], workspace.Steps!.Select(s => s.Key));
        Assert.NotNull(workspace.Recent);

        await using var browser = new BunitContext();
        browser.JSInterop.Mode = JSRuntimeMode.Loose;
        browser.Services.AddMudServices();
        browser.Services.AddFallbackServiceProvider(app.Services);
        var page = browser.Render<OverviewPage>(p => p.AddCascadingValue(admin).Add(x => x.Ws, Workspace.OrganizationSlug));
        Assert.Contains("of the organization", page.WaitForElement("[data-testid=tile-credentials]").TextContent, StringComparison.Ordinal);
        Assert.Empty(page.FindAll("[data-testid=recent-calls], #recent"));
    }
}
