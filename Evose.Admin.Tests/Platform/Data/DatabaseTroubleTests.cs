using Bunit;
using Evose.Admin.Features.Consumers;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using MudBlazor;
using MudBlazor.Services;

namespace Evose.Admin.Tests.Platform.Data;

public sealed class DatabaseTroubleTests
{
    [Fact]
    public void What_passes_by_itself_is_trouble_and_what_we_did_wrong_is_not()
    {
        Assert.All([new SqliteException("", FailingSaves.Busy), new SqliteException("", FailingSaves.Full), new TimeoutException(), new DbUpdateException("", new SqliteException("", FailingSaves.Full))],
            (Exception e) => Assert.True(DatabaseTrouble.Is(e), e.ToString()));
        Assert.All([new SqliteException("", FailingSaves.Constraint), new DbUpdateException("", new SqliteException("", FailingSaves.Constraint)), new DbUpdateConcurrencyException(), new InvalidOperationException()],
            (Exception e) => Assert.False(DatabaseTrouble.Is(e), e.ToString()));
    }

    [Fact]
    public async Task A_form_says_it_and_keeps_what_was_typed()
    {
        var saves = new FailingSaves();
        await using var app = new AdminApp(services: s => s.AddSingleton<ISaveChangesInterceptor>(saves));
        var ws = await Given.WorkspaceAsync(app);
        await using var browser = new BunitContext();
        browser.JSInterop.Mode = JSRuntimeMode.Loose;
        browser.Services.AddMudServices();
        browser.Services.AddFallbackServiceProvider(app.Services);
        browser.Render<MudPopoverProvider>();
        var admin = await app.AdminAsync();
        var page = browser.Render<ToolPage>(p => p.Add(x => x.Ws, ws).AddCascadingValue(admin));
        page.WaitForElement("[data-testid=tool-save]");
        Type("tool-name", "svc");
        Type("tool-base-url", "https://api.service.test/v1");
        saves.Code = FailingSaves.Full;
        page.Now(() => page.Find("[data-testid=tool-save]").Click());
        Assert.Contains("no room left", page.WaitForElement("[data-testid=problem]").TextContent, StringComparison.Ordinal);
        Assert.Equal("svc", page.Find("[data-testid=tool-name]").GetAttribute("value"));

        saves.Code = 0;
        page.Now(() => page.Find("[data-testid=tool-save]").Click());
        await Given.UntilAsync(async () =>
        {
            await using var db = await app.DbAsync();
            return await db.Consumers.AnyAsync(c => c.Name == "svc");
        });

        void Type(string testId, string text) => page.Now(() =>
        {
            var input = page.Find($"[data-testid={testId}]");
            if (input.HasAttribute("blazor:oninput")) input.Input(text);
            else input.Change(text);
        });
    }
}
