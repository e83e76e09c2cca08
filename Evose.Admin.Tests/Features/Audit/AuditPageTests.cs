using Bunit;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Audit;
using Evose.Admin.Features.Jobs;
using Evose.Admin.Features.Notifications;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Components;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;

namespace Evose.Admin.Tests.Features.Audit;

/// <summary>The pages over the real use cases and a real database.</summary>
public sealed class AuditPageTests : BunitContext, IAsyncLifetime
{
    private readonly AdminApp _app = new();
    private Actor _admin = Actor.Nobody;

    public async ValueTask InitializeAsync()
    {
        JSInterop.Mode = JSRuntimeMode.Loose;
        Services.AddMudServices();
        Services.AddSingleton(TimeProvider.System);
        Services.AddSingleton(_app.Get<AuditQuery>()).AddSingleton(_app.Get<AuditPlacesQuery>()).AddSingleton(_app.Get<VerifyChain>());
        Services.AddSingleton(_app.Get<InboxQuery>()).AddSingleton(_app.Get<AcknowledgeNotification>()).AddSingleton(_app.Get<SnoozeNotification>()).AddSingleton(_app.Get<JobsQuery>()).AddSingleton(_app.Get<TriggerJob>());
        _admin = await _app.AdminAsync();
        var sales = await _app.WorkspaceAsync("sales");
        await _app.ActsAsync(sales.Id, 2, AuditAction.RotationPromoted);
        await _app.CallsAsync(sales.Id, 3, tool: "crm");
        await _app.CallsAsync(sales.Id, 2, tool: "mail", refused: true);
    }

    public new async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await _app.DisposeAsync();
    }

    private NavigationManager Navigation => Services.GetRequiredService<NavigationManager>();

    private IRenderedComponent<TPage> Show<TPage>(string url, Actor? actor = null)
        where TPage : IComponent
    {
        Navigation.NavigateTo(url);
        return Render<TPage>(p => p.AddCascadingValue(actor ?? _admin));
    }

    [Theory]
    [InlineData("/audit?workspace=sales&tool=crm", 3)]
    [InlineData("/audit?workspace=sales&outcome=refused", 2)]
    [InlineData("/audit?action=rotation&range=24h", 2)]
    [InlineData("/audit?workspace=sales&action=rotation&range=odd", 2)]
    public void The_address_says_which_events_are_shown(string url, int rows)
    {
        var page = Show<AuditPage>(url);
        page.WaitForAssertion(() => Assert.Equal(rows, page.FindAll("[data-testid=event]").Count));
    }

    [Fact]
    public void Applied_filters_and_the_open_row_stand_in_the_address()
    {
        var page = Show<AuditPage>("/audit");
        page.WaitForElement("[data-testid=event]");
        page.Now(() => page.Find("[data-testid=filter-tool]").Change("crm"));
        page.Now(() => page.Find("[data-testid=filter-range]").Change("7d"));
        page.Now(() => page.Find("[data-testid=filters]").Submit());
        page.WaitForAssertion(() => Assert.EndsWith("/audit?range=7d&tool=crm", Navigation.Uri));
        page.WaitForAssertion(() => Assert.Equal(3, page.FindAll("[data-testid=event]").Count));
        Assert.Contains("tool=crm", page.Find("[data-testid=export-csv]").GetAttribute("href"));
        page.Now(() => page.Find("[data-testid=event]").Click());
        page.WaitForAssertion(() => Assert.Matches(@"\?range=7d&tool=crm&row=calls-\d+$", Navigation.Uri));
        page.WaitForAssertion(() => Assert.Contains("203.0.113.7", page.Find("[data-testid=detail]").TextContent));
        page.Now(() => page.Find("[data-testid=detail-close]").Click());
        page.WaitForAssertion(() => Assert.Empty(page.FindAll("[data-testid=detail]")));
    }

    [Fact]
    public void A_copied_link_opens_its_row_and_no_match_says_so()
    {
        var page = Show<AuditPage>("/audit?tool=none&row=audit-1");
        page.WaitForAssertion(() => Assert.Contains("No event matches", page.Markup));
        page.WaitForAssertion(() => Assert.Contains("organization.set_up", page.Find("[data-testid=detail]").TextContent));
    }

    [Fact]
    public async Task Verification_says_how_far_the_chain_is_proven()
    {
        var page = Show<AuditPage>("/audit");
        page.WaitForElement("[data-testid=verify]");
        page.Now(() => page.Find("[data-testid=verify]").Click());
        page.WaitForAssertion(() => Assert.Contains("Chain verified", page.Find("[data-testid=chain]").TextContent));
        await using (var db = await _app.DbAsync()) Assert.Equal(1, await db.Database.ExecuteSqlRawAsync("UPDATE audit_event SET subject = 'x' WHERE seq = 2"));
        page.Now(() => page.Find("[data-testid=verify]").Click());
        page.WaitForAssertion(() => Assert.Contains("broken at audit 2", page.Find("[data-testid=chain]").TextContent));
    }

    [Fact]
    public async Task Who_may_not_read_gets_the_problem_and_no_tools()
    {
        var user = await _app.PersonAsync("user@example.test", OrganizationRole.Member);
        var page = Show<AuditPage>("/audit", user);
        page.WaitForElement("[data-testid=problem]");
        Assert.Empty(page.FindAll("[data-testid=export-csv], [data-testid=verify], [data-testid=event]"));
    }

    [Fact]
    public async Task The_jobs_page_offers_run_now_to_admins_only()
    {
        var page = Show<JobsPage>("/system/jobs");
        page.WaitForElement("[data-testid=run-housekeeping]");
        var reviewer = await _app.PersonAsync("auditor@example.test", OrganizationRole.Reviewer);
        var looked = Show<JobsPage>("/system/jobs", reviewer);
        looked.WaitForElement("[data-testid=job-housekeeping]");
        Assert.Empty(looked.FindAll("[data-testid=run-housekeeping]"));
    }

    [Fact]
    public async Task The_bell_counts_and_the_inbox_acknowledges()
    {
        await using (var db = await _app.Dbs().CreateDbContextAsync())
        {
            var now = TimeProvider.System.GetUtcNow();
            db.Notifications.Add(new() { Id = Guid.CreateVersion7(now), Key = "k", Title = "Look here", Body = "please", CreatedAt = now });
            await db.SaveChangesAsync();
        }
        var bell = Show<NotificationBell>("/notifications");
        bell.WaitForAssertion(() => Assert.Equal("Notifications: 1 open", bell.Find("[data-testid=bell]").GetAttribute("aria-label")));
        var inbox = Show<InboxPage>("/notifications");
        inbox.WaitForElement("[data-testid=acknowledge]");
        inbox.Now(() => inbox.Find("[data-testid=acknowledge]").Click());
        inbox.WaitForAssertion(() => Assert.Contains("Nothing waits for you", inbox.Markup));
        Navigation.NavigateTo("/notifications?state=all");
        bell.WaitForAssertion(() => Assert.Equal("Notifications: none open", bell.Find("[data-testid=bell]").GetAttribute("aria-label")));
    }
}
