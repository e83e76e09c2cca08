using Bunit;
using Evose.Admin.Domain;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor.Services;

namespace Evose.Admin.Tests.Features.Credentials;

public sealed class CredentialPagesTests(SharedApp shared) : IClassFixture<SharedApp>
{
    private readonly AdminApp _app = shared.App;

    [Fact]
    public async Task The_register_page_helps_with_the_name_and_shows_the_placeholder()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await using var page = await BrowserAsync();
        var cut = page.Render<RegisterCredentialPage>(p => p.Add(c => c.Ws, ws));
        cut.WaitForElement("[data-testid=register-form]");
        Assert.Contains("openai_prod", Help());
        Type("openai");
        Assert.Contains("End it with the environment", Help());
        Assert.Empty(cut.FindAll("[aria-invalid=true]"));
        cut.Now(() => cut.Find("[data-testid=name-suggestion]").Click());
        Assert.Equal("openai_prod", cut.Find("[data-testid=credential-name]").GetAttribute("value"));
        Assert.Contains("Follows the convention", Help());
        Assert.Contains("{{credential:openai_prod}}", cut.Markup);
        Assert.Empty(cut.FindAll("[data-testid=name-suggestion]"));
        Type("Open AI!");
        Assert.NotEmpty(cut.FindAll("[data-testid=credential-name][aria-invalid=true]"));
        Assert.Equal("open_ai_prod", cut.Find("[data-testid=name-suggestion]").TextContent);

        string Help() => cut.Find("[data-testid=name-help]").TextContent;

        void Type(string name) => cut.Now(() => cut.Find("[data-testid=credential-name]").Input(name));
    }

    [Fact]
    public async Task The_register_page_asks_to_confirm_that_nobody_may_use_it()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.ToolAsync(_app, ws, "crm", "https://crm.example.test:8443/api");
        await using var page = await BrowserAsync();
        var cut = page.Render<RegisterCredentialPage>(p => p.Add(c => c.Ws, ws));
        cut.WaitForElement("[data-testid=credential-name]");
        cut.Now(() => cut.Find("[data-testid=credential-name]").Input("crm_prod"));
        await cut.Find("form").SubmitAsync();
        Assert.Contains("nobody may use it", cut.Find("[data-testid=register-error]").TextContent);
        cut.Now(() => cut.Find("[data-testid=scope-tool-crm]").Change(true));
        Assert.Empty(cut.FindAll("[data-testid=confirm-empty-scope]"));
        Assert.Contains("crm.example.test:8443", cut.Find("[data-testid=hosts-from-tools]").TextContent);
    }

    [Fact]
    public async Task The_list_tells_empty_from_filtered_empty()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await using var page = await BrowserAsync();
        var empty = page.Render<CredentialListPage>(p => p.Add(c => c.Ws, ws));
        empty.WaitForElement("[data-testid=first-credential]");
        Assert.Contains("Nothing here yet", empty.Markup);
        Assert.Contains("Evose API key", empty.Markup);

        await Given.CredentialAsync(_app, ws, "crm_prod");
        page.Services.GetRequiredService<NavigationManager>().NavigateTo($"/w/{ws}/credentials?q=zzz");
        var filtered = page.Render<CredentialListPage>(p => p.Add(c => c.Ws, ws));
        filtered.WaitForElement("[data-testid=filtered-clear]");
        Assert.Contains("No credential fits", filtered.Markup);

        page.Services.GetRequiredService<NavigationManager>().NavigateTo($"/w/{ws}/credentials?status=nonsense");
        var full = page.Render<CredentialListPage>(p => p.Add(c => c.Ws, ws));
        full.WaitForElement("[data-testid=credential-link]");
        Assert.Equal("crm_prod", full.Find("[data-testid=credential-link]").TextContent);
        Assert.Single(full.FindAll("[data-testid=new-credential]"));
        var listing = (await _app.Get<CredentialListQuery>().ListAsync(await _app.AdminAsync(), ws, new CredentialListQuery.Filter(Status: "nonsense", Limit: 50), default)).Value!;
        Assert.True(listing.Manages);
        Assert.Equal("crm_prod", Assert.Single(listing.Page.Data).Name);
    }

    [Fact]
    public async Task A_detail_page_warns_of_what_stands_in_the_way_and_never_shows_a_part_of_the_value()
    {
        var ws = await Given.WorkspaceAsync(_app);
        await Given.CredentialAsync(_app, ws, "crm_prod", "a-very-secret-thing");
        await using var page = await BrowserAsync();
        foreach (var tab in new[] { "overview", "usage", "calls", "versions", "access", "nonsense" })
        {
            page.Services.GetRequiredService<NavigationManager>().NavigateTo($"/w/{ws}/credentials/crm_prod?tab={tab}");
            var cut = page.Render<CredentialPage>(p => p.Add(c => c.Ws, ws).Add(c => c.Name, "crm_prod"));
            cut.WaitForElement("[data-testid=alert-scope]");
            cut.WaitForState(() => cut.FindAll(".skeleton").Count == 0);
            Assert.Single(cut.FindAll("[data-testid=alert-hosts]"));
            Assert.DoesNotContain("secret-thing", cut.Markup);
        }
        Assert.Null((await _app.Get<ArchiveCredential>().ExecuteAsync(await _app.AdminAsync(), ws, "crm_prod", new ArchiveCredential.Input(false), default)).Problem);
        var gone = page.Render<CredentialPage>(p => p.Add(c => c.Ws, ws).Add(c => c.Name, "crm_prod"));
        Assert.Contains(AdminApp.AdminEmail, gone.WaitForElement("[data-testid=tombstone]").TextContent);
        Assert.Empty(gone.FindAll("[data-testid=rotate-credential]"));
        var never = page.Render<CredentialPage>(p => p.Add(c => c.Ws, ws).Add(c => c.Name, "nope"));
        never.WaitForState(() => never.Markup.Contains("Nothing here"));
    }

    private async Task<BunitContext> BrowserAsync()
    {
        var context = new BunitContext();
        context.JSInterop.Mode = JSRuntimeMode.Loose;
        context.Services.AddMudServices();
        context.Services.AddSingleton(TimeProvider.System);
        foreach (var type in new[]
        {
            typeof(Authorizer), typeof(StagedValues), typeof(RegisterCredential), typeof(EditCredential), typeof(ChangeScope), typeof(ArchiveCredential), typeof(CredentialListQuery), typeof(CredentialDetailQuery),
            typeof(ReferencesQuery), typeof(RecentCallsQuery), typeof(UsageQuery), typeof(SourcesQuery), typeof(CredentialFindingsQuery), typeof(RemindersQuery), typeof(ChangeReminders), typeof(AccessQuery), typeof(ConsumerChoicesQuery), typeof(CheckNewValue), typeof(Evose.Admin.Platform.Providers.ProviderCatalog),
        }) context.Services.AddSingleton(type, _app.Services.GetRequiredService(type));
        var admin = await _app.AdminAsync();
        context.RenderTree.Add<CascadingValue<Actor>>(p => p.Add(v => v.Value, admin));
        return context;
    }
}
