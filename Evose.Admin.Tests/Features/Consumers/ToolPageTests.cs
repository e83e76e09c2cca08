using Bunit;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Consumers;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Components;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;

namespace Evose.Admin.Tests.Features.Consumers;

[Collection(ConsumersCollection.Name)]
public sealed class ToolPageTests(ConsumersApp shared)
{
    private AdminApp App => shared.App;

    [Fact]
    public async Task The_editor_keeps_a_refused_tool_on_the_page_and_opens_a_saved_one()
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "svc_prod");
        await using var browser = Browser();
        var page = browser.Render<ToolPage>(p => p.Add(x => x.Ws, place.Ws).AddCascadingValue(App.AdminAsync().Result));
        page.WaitForElement("[data-testid=tool-save]");

        Type(page, "tool-name", "svc");
        Type(page, "tool-base-url", "https://api.service.test/v1");
        Type(page, "headers-value-1", "Bearer sk-proj-Ab3dEf6hIj9kLm2nOp5qRs8tUv1wXy4z");
        page.Now(() => page.Find("[data-testid=tool-save]").Click());
        page.WaitForElement("[data-testid=problem]");
        Assert.Contains("{{credential:openai_prod}}", page.Find("[data-testid=problem]").TextContent);
        Assert.DoesNotContain("sk-proj", page.Find("[data-testid=problem]").TextContent);

        Type(page, "headers-value-1", "Bearer {{credential:svc_prod}}");
        page.Now(() => page.Find("[data-testid=tool-save]").Click());
        var navigation = browser.Services.GetRequiredService<NavigationManager>();
        page.WaitForAssertion(() => Assert.EndsWith($"/w/{place.Ws}/tools/svc", navigation.Uri));
        Assert.Equal("Bearer {{credential:svc_prod}}", (await App.ConsumerAsync(place.Workspace.Id, ConsumerKind.Tool, "svc")).Config!.Headers["Authorization"]);
    }

    [Fact]
    public async Task The_page_shows_chips_the_snippet_and_a_button_that_adds_the_tool_to_the_scope()
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "svc_prod", ["api.service.test"]);
        await place.ToolAsync("svc", ("Authorization", "Bearer {{credential:svc_prod}}"));
        await using var browser = Browser();
        var page = browser.Render<ToolPage>(p => p.Add(x => x.Ws, place.Ws).Add(x => x.Name, "svc").AddCascadingValue(App.AdminAsync().Result));

        page.WaitForElement("[data-testid=scope-svc_prod]");
        Assert.Equal($"/w/{place.Ws}/credentials/svc_prod", page.Find("[data-testid=template] a.chip").GetAttribute("href"));
        Assert.Contains($"/broker/{place.Ws}/svc", page.Markup);
        Assert.Contains("headers.Authorization", page.Find("[data-testid=uses-svc_prod]").TextContent);
        page.Now(() => page.Find("[data-testid=scope-svc_prod]").Click());
        page.WaitForAssertion(() => Assert.Empty(page.FindAll("[data-testid=scope-svc_prod]")));
    }

    [Theory]
    [InlineData(WorkspaceRole.User)]
    [InlineData(WorkspaceRole.Reviewer)]
    public async Task Who_may_not_change_a_tool_sees_no_button_for_it_and_no_form(WorkspaceRole role)
    {
        using var place = await Place.MakeAsync(App);
        await App.CredentialAsync(place.Workspace, "svc_prod");
        await place.ToolAsync("svc", ("Authorization", "Bearer {{credential:svc_prod}}"));
        var actor = await App.PersonAsync(place.Workspace.Id, role);
        await using var browser = Browser();
        var page = browser.Render<ToolPage>(p => p.Add(x => x.Ws, place.Ws).Add(x => x.Name, "svc").AddCascadingValue(actor));
        page.WaitForElement("[data-testid=template]");
        Assert.Empty(page.FindAll("[data-testid=tool-edit], [data-testid=consumer-delete], [data-testid=scope-svc_prod]"));

        var form = browser.Render<ToolPage>(p => p.Add(x => x.Ws, place.Ws).AddCascadingValue(actor));
        form.WaitForAssertion(() => Assert.Contains("not yours to see", form.Markup));
    }

    [Fact]
    public async Task The_pages_of_agents_and_lists_render_and_save()
    {
        using var place = await Place.MakeAsync(App);
        await place.ToolAsync("svc");
        var admin = await App.AdminAsync();
        await using var browser = Browser();
        var navigation = browser.Services.GetRequiredService<NavigationManager>();
        navigation.NavigateTo($"/w/{place.Ws}/agents/new");
        var page = browser.Render<GroupPage>(p => p.Add(x => x.Ws, place.Ws).AddCascadingValue(admin));
        page.WaitForElement("[data-testid=group-save]");
        Type(page, "group-name", "helper");
        page.Now(() => page.Find("[data-testid=tool-svc]").Change(true));
        page.Now(() => page.Find("[data-testid=group-save]").Click());
        page.WaitForAssertion(() => Assert.EndsWith($"/w/{place.Ws}/agents/helper", navigation.Uri));

        navigation.NavigateTo($"/w/{place.Ws}/agents");
        var list = browser.Render<ConsumerListPage>(p => p.Add(x => x.Ws, place.Ws).AddCascadingValue(admin));
        list.WaitForElement("[data-testid=consumer-rows]");
        Assert.Contains("helper", list.Find("[data-testid=consumer-rows]").TextContent);

        navigation.NavigateTo($"/w/{place.Ws}/workflows");
        var empty = browser.Render<ConsumerListPage>(p => p.Add(x => x.Ws, place.Ws).AddCascadingValue(admin));
        empty.WaitForAssertion(() => Assert.Contains("No workflows yet", empty.Markup));
    }

    private BunitContext Browser()
    {
        var browser = new BunitContext();
        browser.JSInterop.Mode = JSRuntimeMode.Loose;
        browser.Services.AddMudServices();
        browser.Services.AddFallbackServiceProvider(App.Services);
        browser.Render<MudPopoverProvider>();
        return browser;
    }

    private static void Type<T>(IRenderedComponent<T> page, string testId, string text)
        where T : IComponent
    {
        var input = page.Find($"[data-testid={testId}]");
        page.Now(() =>
        {
            if (input.HasAttribute("blazor:oninput")) input.Input(text);
            else input.Change(text);
        });
    }
}
