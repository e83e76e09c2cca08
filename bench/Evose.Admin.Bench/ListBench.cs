using System.Globalization;
using System.Security.Claims;
using Evose.Admin.Domain;
using Evose.Admin.Features.Credentials;
using Evose.Admin.Shell;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Rendering;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.Extensions.Logging.Abstractions;

namespace Evose.Admin.Bench;

/// <summary>
/// The list of credentials as a circuit renders it, beside a component that writes the same rows as a plain table: processor time of the process, with the query and without it,
/// and the memory that each keeps while the person looks at it. The frame around the page is rendered too for memory, since every circuit has it.
/// </summary>
internal static class ListBench
{
    private const int Times = 200, Kept = 60, Rows = 50;

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
            var (asked, page, plain) = (new List<double>(), new List<double>(), new List<double>());
            for (var i = -20; i < Times; i++)
            {
                var q = await CpuAsync(() => query.RunAsync(who, ScaleFixture.Busy, new CredentialListQuery.Filter(Limit: Rows), CancellationToken.None));
                var l = await CpuAsync(() => RenderAsync(host, who, Page, false));
                var p = await CpuAsync(() => RenderAsync(host, who, Plain, false));
                if (i < 0) continue;
                asked.Add(q);
                page.Add(l);
                plain.Add(p);
            }
            // The query's share is the same in both.
            var question = asked.Average();
            var (list, table) = (page.Average() - question, plain.Average() - question);
            var (listHeap, frameHeap, plainHeap) = (await HeapAsync(host, who, Page, false), await HeapAsync(host, who, Page, true), await HeapAsync(host, who, Plain, false));
            return options.Result("list",
            [
                new Table($"The list of {Rows} credentials and the same rows as a plain table; means of {Times}, in turn.", ["", "CPU, ms", "CPU without the query, ms", "KB kept"],
                [
                    ["the page", Results.Figure(page.Average()), Results.Figure(list), Results.Figure(listHeap)],
                    ["the page in its frame", "–", "–", Results.Figure(frameHeap)],
                    ["plain table", Results.Figure(plain.Average()), Results.Figure(table), Results.Figure(plainHeap)],
                ]),
            ],
            [
                new("list page of 50 rows, CPU of the same rows as a plain table, without the query", false, 2.5, list / table, " ×"),
                new("heap per circuit with the list and its frame", false, 400, frameHeap, " KB"),
            ],
            ["Rendered by the framework's renderer in this process; a circuit's connection buffers are not in the figures."]);
        }
        finally
        {
            Microsoft.Data.Sqlite.SqliteConnection.ClearAllPools();
            Directory.Delete(folder, true);
        }
    }

    private static RenderFragment Page(AppHost host, Actor who) => builder =>
    {
        builder.OpenComponent<CredentialListPage>(0);
        builder.AddAttribute(1, nameof(CredentialListPage.Ws), ScaleFixture.Busy);
        builder.CloseComponent();
    };

    private static RenderFragment Plain(AppHost host, Actor who) => builder =>
    {
        builder.OpenComponent<PlainTable>(0);
        builder.AddAttribute(1, nameof(PlainTable.Who), who);
        builder.CloseComponent();
    };

    // A scope, a renderer and what they hold, as a circuit has them.
    private static async Task<(AsyncServiceScope Scope, HtmlRenderer Renderer)> RenderAsync(AppHost host, Actor who, Func<AppHost, Actor, RenderFragment> what, bool framed)
    {
        var scope = host.Services.CreateAsyncScope();
        var user = new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.NameIdentifier, who.Id.ToString()), new Claim(ClaimTypes.Name, who.Name)], "bench"));
        var state = Task.FromResult(new AuthenticationState(user));
        ((IHostEnvironmentNavigationManager)scope.ServiceProvider.GetRequiredService<NavigationManager>()).Initialize("http://localhost/", "http://localhost/w/team-00/credentials");
        ((IHostEnvironmentAuthenticationStateProvider)scope.ServiceProvider.GetRequiredService<AuthenticationStateProvider>()).SetAuthenticationState(state);
        var renderer = new HtmlRenderer(scope.ServiceProvider, NullLoggerFactory.Instance);
        var body = what(host, who);
        await renderer.Dispatcher.InvokeAsync(async () =>
        {
            var root = await renderer.RenderComponentAsync<Root>(ParameterView.FromDictionary(new Dictionary<string, object?> { [nameof(Root.Body)] = body, [nameof(Root.Who)] = who, [nameof(Root.Framed)] = framed }));
            if (!root.ToHtmlString().Contains("svc00000_prod", StringComparison.Ordinal)) throw new InvalidOperationException("the list was rendered without its rows");
        });
        return (scope, renderer);
    }

    private static async Task<double> CpuAsync(Func<Task<(AsyncServiceScope Scope, HtmlRenderer Renderer)>> render)
    {
        var began = Environment.CpuUsage.TotalTime;
        var (scope, renderer) = await render();
        var took = (Environment.CpuUsage.TotalTime - began).TotalMilliseconds;
        await renderer.DisposeAsync();
        await scope.DisposeAsync();
        return took;
    }

    private static async Task<double> CpuAsync(Func<Task> ask)
    {
        var began = Environment.CpuUsage.TotalTime;
        await ask();
        return (Environment.CpuUsage.TotalTime - began).TotalMilliseconds;
    }

    private static async Task<double> HeapAsync(AppHost host, Actor who, Func<AppHost, Actor, RenderFragment> what, bool framed)
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

    /// <summary>The same rows and columns, and nothing else.</summary>
    private sealed class PlainTable : ComponentBase
    {
        private IReadOnlyList<CredentialListQuery.Row> _rows = [];

        [Inject] public required CredentialListQuery Query { get; init; }

        [Parameter] public Actor Who { get; set; } = Actor.Nobody;

        protected override async Task OnInitializedAsync() =>
            _rows = (await Query.RunAsync(Who, ScaleFixture.Busy, new CredentialListQuery.Filter(Limit: Rows), CancellationToken.None)).Value?.Data ?? [];

        protected override void BuildRenderTree(RenderTreeBuilder builder)
        {
            builder.OpenElement(0, "table");
            foreach (var c in _rows)
            {
                builder.OpenElement(1, "tr");
                builder.SetKey(c.Id);
                string?[] cells = [c.Name, c.Type.ToString(), c.Environment, c.Status.ToString(), c.ExpiresAt?.ToString("u", CultureInfo.InvariantCulture), c.LastUsedAt?.ToString("u", CultureInfo.InvariantCulture),
                    c.Calls.ToString("N0", CultureInfo.InvariantCulture), c.Errors.ToString("N0", CultureInfo.InvariantCulture), c.UsedByTools.ToString(CultureInfo.InvariantCulture), c.Owner];
                foreach (var cell in cells)
                {
                    builder.OpenElement(2, "td");
                    builder.AddContent(3, cell);
                    builder.CloseElement();
                }
                builder.CloseElement();
            }
            builder.CloseElement();
        }
    }
}
