using System.Globalization;
using System.Security.Claims;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Shell;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.Logging.Abstractions;

namespace Evose.Admin.Bench;

/// <summary>
/// The list of credentials as a circuit renders it, beside a component that writes the same rows as a plain table: processor time of the process, both with their rows from memory,
/// what asking for them costs, and the memory that each keeps while the person looks at it. The frame around the page is rendered too for memory, since every circuit has it.
/// </summary>
internal static class ListBench
{
    private const int Rounds = 60, Each = 100, Kept = 60, Rows = 50;

    public static async Task<PartResult> RunAsync(Options options)
    {
        var folder = Directory.CreateTempSubdirectory("evose-bench-").FullName;
        try
        {
            await using var host = new AppHost(folder);
            var fixture = new ScaleFixture(host);
            await fixture.MakeCredentialsAsync(4000);
            await fixture.MakeCallsAsync(20_000);
            var who = fixture.Reviewer;
            var query = host.Get<CredentialListQuery>();
            var listing = (await query.ListAsync(who, ScaleFixture.Busy, new CredentialListQuery.Filter(Limit: Rows), CancellationToken.None)).Value ?? throw new InvalidOperationException("no rows");
            var (asked, page, plain) = (new List<double>(), new List<double>(), new List<double>());
            // The first ones only have the compiler done with it.
            for (var i = -Rounds / 2; i < Rounds; i++)
            {
                var q = i < 0 ? 0 : await CpuAsync(() => query.ListAsync(who, ScaleFixture.Busy, new CredentialListQuery.Filter(Limit: Rows), CancellationToken.None));
                var l = await CpuAsync(() => RenderedAsync(host, who, Page(listing)));
                var p = await CpuAsync(() => RenderedAsync(host, who, Plain(listing)));
                if (i < 0) continue;
                asked.Add(q);
                page.Add(l);
                plain.Add(p);
            }
            var (list, table) = (Stats.Median(page), Stats.Median(plain));
            var ratio = Stats.Median([.. page.Zip(plain, (l, p) => l / p)]);
            var (listHeap, frameHeap, plainHeap) = (await HeapAsync(host, who, Page(), false), await HeapAsync(host, who, Page(), true), await HeapAsync(host, who, Plain(listing), false));
            return options.Result("list",
            [
                new Table($"The list of {Rows} credentials and the same rows as a plain table, both from memory; medians of {Rounds} rounds of {Each} each, in turn, once the compiler is done.", ["", "CPU, ms", "KB kept"],
                [
                    ["the page", Results.Figure(list), Results.Figure(listHeap)],
                    ["the page in its frame", "–", Results.Figure(frameHeap)],
                    ["plain table", Results.Figure(table), Results.Figure(plainHeap)],
                    ["asking for the rows", Results.Figure(Stats.Median(asked)), "–"],
                ]),
            ],
            [
                new("list page of 50 rows, CPU of the same rows as a plain table", false, 2.5, ratio, " ×"),
                new("heap per circuit with the list and its frame", false, 400, frameHeap, " KB"),
            ],
            ["Rendered by the framework's renderer in this process; a circuit's connection buffers are not in the figures. The plain table has the same words and the links, and no component, class or title around them."]);
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, true);
        }
    }

    private static RenderFragment Page() => builder =>
    {
        builder.OpenComponent<CredentialListPage>(0);
        builder.AddAttribute(1, nameof(CredentialListPage.Ws), ScaleFixture.Busy);
        builder.CloseComponent();
    };

    private static RenderFragment Page(CredentialListQuery.Listing listing) => builder =>
    {
        builder.OpenComponent<FromMemory>(0);
        builder.AddAttribute(1, nameof(CredentialListPage.Ws), ScaleFixture.Busy);
        builder.AddAttribute(2, nameof(FromMemory.Listing), listing);
        builder.CloseComponent();
    };

    private static RenderFragment Plain(CredentialListQuery.Listing listing) => builder =>
    {
        builder.OpenComponent<PlainTable>(0);
        builder.AddAttribute(1, nameof(PlainTable.Rows), listing.Page.Data);
        builder.CloseComponent();
    };

    // A scope, a renderer and what they hold, as a circuit has them.
    private static async Task<(AsyncServiceScope Scope, HtmlRenderer Renderer)> RenderAsync(AppHost host, Actor who, RenderFragment body, bool framed)
    {
        var scope = host.Services.CreateAsyncScope();
        var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, who.Id.ToString()), new Claim(ClaimTypes.Name, who.Name)], "bench"));
        var state = Task.FromResult(new AuthenticationState(user));
        ((IHostEnvironmentNavigationManager)scope.ServiceProvider.GetRequiredService<NavigationManager>()).Initialize("http://localhost/", "http://localhost/w/team-00/credentials");
        ((IHostEnvironmentAuthenticationStateProvider)scope.ServiceProvider.GetRequiredService<AuthenticationStateProvider>()).SetAuthenticationState(state);
        var renderer = new HtmlRenderer(scope.ServiceProvider, NullLoggerFactory.Instance);
        await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var root = await renderer.RenderComponentAsync<Root>(ParameterView.FromDictionary(new Dictionary<string, object?> { [nameof(Root.Body)] = body, [nameof(Root.Who)] = who, [nameof(Root.Framed)] = framed }));
            if (!root.ToHtmlString().Contains("svc00000_prod", StringComparison.Ordinal)) throw new InvalidOperationException("the list was rendered without its rows");
        });
        return (scope, renderer);
    }

    private static async Task RenderedAsync(AppHost host, Actor who, RenderFragment body)
    {
        var (scope, renderer) = await RenderAsync(host, who, body, false);
        await renderer.DisposeAsync();
        await scope.DisposeAsync();
    }

    // Of one of several in a row: a single one is as short as what the system counts processor time by.
    private static async Task<double> CpuAsync(Func<Task> what)
    {
        // What the one before left to collect is not this one's.
        GC.Collect();
        var began = Environment.CpuUsage.TotalTime;
        for (var i = 0; i < Each; i++) await what();
        return (Environment.CpuUsage.TotalTime - began).TotalMilliseconds / Each;
    }

    private static async Task<double> HeapAsync(AppHost host, Actor who, RenderFragment what, bool framed)
    {
        var kept = new List<(AsyncServiceScope Scope, HtmlRenderer Renderer)>();
        for (var i = 0; i < 5; i++) kept.Add(await RenderAsync(host, who, what, framed));
        var before = GC.GetTotalMemory(forceFullCollection: true);
        for (var i = 0; i < Kept; i++) kept.Add(await RenderAsync(host, who, what, framed));
        var each = (GC.GetTotalMemory(forceFullCollection: true) - before) / 1024.0 / Kept;
        foreach (var (scope, renderer) in kept)
        {
            await renderer.DisposeAsync();
            await scope.DisposeAsync();
        }
        return each;
    }

    /// <summary>What stands above a page in a circuit.</summary>
    private sealed class Root : ComponentBase
    {
        [Parameter] public RenderFragment? Body { get; set; }

        [Parameter] public Actor Who { get; set; } = Actor.Nobody;

        [Parameter] public bool Framed { get; set; }

        protected override void BuildRenderTree(RenderTreeBuilder builder)
        {
            if (Framed)
            {
                builder.OpenComponent<LayoutView>(0);
                builder.AddAttribute(1, nameof(LayoutView.Layout), typeof(MainLayout));
                builder.AddAttribute(2, nameof(LayoutView.ChildContent), Body);
                builder.CloseComponent();
                return;
            }
            builder.OpenComponent<CascadingValue<Actor>>(3);
            builder.AddAttribute(4, "Value", Who);
            builder.AddAttribute(5, "ChildContent", Body);
            builder.CloseComponent();
        }
    }

    /// <summary>The page with its rows from memory.</summary>
    private sealed class FromMemory : CredentialListPage
    {
        [Parameter] public CredentialListQuery.Listing? Listing { get; set; }

        protected override Task<Outcome<CredentialListQuery.Listing>> ListAsync(CredentialListQuery.Filter filter) => Task.FromResult(Outcome<CredentialListQuery.Listing>.Of(Listing!));
    }

    /// <summary>The same words and links, and nothing else.</summary>
    private sealed class PlainTable : ComponentBase
    {
        private readonly DateTimeOffset _now = TimeProvider.System.GetUtcNow();

        [Parameter] public IReadOnlyList<CredentialListQuery.Row> Rows { get; set; } = [];

        protected override void BuildRenderTree(RenderTreeBuilder builder)
        {
            builder.OpenElement(0, "table");
            foreach (var c in Rows)
            {
                builder.OpenElement(1, "tr");
                builder.SetKey(c.Id);
                string?[] cells = [c.Provider, c.Type.Called(), c.Environment, c.Status.Word(), Words(c.ExpiresAt, "no date"), Words(c.LastUsedAt, "never"),
                    c.Calls.ToString("N0", CultureInfo.CurrentCulture), c.Errors.ToString("N0", CultureInfo.CurrentCulture), string.Create(CultureInfo.InvariantCulture, $"{c.UsedByTools} tools"), c.Owner];
                builder.OpenElement(2, "td");
                builder.OpenElement(3, "a");
                builder.AddAttribute(4, "href", Urls.Credential(ScaleFixture.Busy, c.Name));
                builder.AddContent(5, c.Name);
                builder.CloseElement();
                builder.CloseElement();
                foreach (var cell in cells)
                {
                    builder.OpenElement(6, "td");
                    builder.AddContent(7, cell);
                    builder.CloseElement();
                }
                builder.CloseElement();
            }
            builder.CloseElement();
        }

        private string Words(DateTimeOffset? at, string never) => at is { } moment ? RelativeTime.Text(moment - _now) : never;
    }
}
