using System.Net;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components.Endpoints;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Shell;

/// <summary>W-01 and W-03: headers on every kind of answer, and no act without a token on any address that takes a cookie.</summary>
public sealed class WebSafetyTests
{
    private static readonly Dictionary<string, string?> Patient = new() { ["Account:AttemptsPerMinute"] = "10000" };

    [Fact]
    public async Task Every_kind_of_answer_carries_the_headers()
    {
        await using var app = new AdminApp(Patient);
        using var person = new Browserless(app.Url);
        await person.SignInAsync();
        using var api = app.Api();
        (string Kind, HttpResponseMessage Answer, HttpStatusCode Status)[] answers =
        [
            ("page", await person.GetAsync("/"), HttpStatusCode.OK),
            ("static page", await person.GetAsync("/account/password"), HttpStatusCode.OK),
            ("no such page", await person.GetAsync("/no/such/page"), HttpStatusCode.NotFound),
            ("redirect", await new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }).GetAsync(app.Url + "/w/any"), HttpStatusCode.Found),
            ("file", await person.GetAsync("/app.css"), HttpStatusCode.OK),
            ("JSON", await api.GetAsync("/api/v1/workspaces"), HttpStatusCode.OK),
            ("refused JSON", await person.Client.GetAsync("/api/v1/workspaces"), HttpStatusCode.Unauthorized),
            ("unreadable JSON", await api.PostAsync("/api/v1/workspaces", new StringContent("{", null, "application/json")), HttpStatusCode.BadRequest),
            ("document", await person.GetAsync("/openapi/v1.json"), HttpStatusCode.OK),
            ("refused form", await person.PostAsync("/account/logout", [new("_handler", "logout")]), HttpStatusCode.BadRequest),
            ("reference", await person.GetAsync("/api/docs"), HttpStatusCode.OK),
            ("health", await person.GetAsync("/health/ready"), HttpStatusCode.OK),
        ];
        foreach (var (kind, answer, status) in answers)
        {
            Assert.True(status == answer.StatusCode, $"{kind}: {answer.StatusCode}");
            void Has(string name, string value) => Assert.True(answer.Headers.TryGetValues(name, out var got) && got.Single() == value, $"{kind}: {name} is {(answer.Headers.TryGetValues(name, out var g) ? g.First() : "missing")}");
            Has("Content-Security-Policy", SecurityHeaders.ContentSecurityPolicy);
            Has("X-Content-Type-Options", "nosniff");
            Has("Referrer-Policy", "no-referrer");
            Has("Cross-Origin-Opener-Policy", "same-origin");
            Has("Cross-Origin-Resource-Policy", "same-origin");
            Has("X-Frame-Options", "DENY");
            Assert.True(answer.Headers.Contains("Permissions-Policy"), kind);
            Assert.True(answer.Headers.Contains("X-Request-Id"), kind);
            Assert.False(answer.Headers.Contains("Server"), kind);
            if (kind != "file") Assert.True(answer.Headers.CacheControl?.NoStore, $"{kind} may be kept by a cache");
        }
        Assert.Contains("script-src 'self';", SecurityHeaders.ContentSecurityPolicy);
        Assert.DoesNotContain("unsafe-eval", SecurityHeaders.ContentSecurityPolicy);
    }

    [Theory]
    [InlineData("https", "max-age=31536000; includeSubDomains")]
    [InlineData("http", "")]
    public async Task Over_https_the_browser_is_told_to_stay_there(string scheme, string expected)
    {
        using var services = new ServiceCollection().BuildServiceProvider();
        var app = new ApplicationBuilder(services);
        app.UseSecurityHeaders();
        app.Run(_ => Task.CompletedTask);
        var started = new Started();
        var context = new DefaultHttpContext();
        context.Features.Set<IHttpResponseFeature>(started);
        context.Request.Scheme = scheme;
        await app.Build()(context);
        await started.StartAsync();
        Assert.Equal(expected, context.Response.Headers.StrictTransportSecurity.ToString());
        Assert.Equal(SecurityHeaders.ContentSecurityPolicy, context.Response.Headers.ContentSecurityPolicy.ToString());
    }

    private sealed class Started : HttpResponseFeature
    {
        private readonly List<(Func<object, Task> Callback, object State)> _starting = [];

        public override void OnStarting(Func<object, Task> callback, object state) => _starting.Add((callback, state));

        public async Task StartAsync()
        {
            foreach (var (callback, state) in _starting) await callback(state);
        }
    }

    [Fact]
    public async Task No_address_that_takes_a_cookie_acts_without_a_token()
    {
        await using var app = new AdminApp(Patient);
        using var person = new Browserless(app.Url);
        await person.SignInAsync();
        var html = await (await person.GetAsync("/account/password")).Content.ReadAsStringAsync();
        var token = Browserless.Hidden(html, "__RequestVerificationToken");
        var before = await Rows.PictureAsync(app);
        var tried = 0;
        foreach (var endpoint in app.Get<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            if (TakesOnlyKeys(endpoint)) continue;
            var methods = endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["POST", "PUT", "DELETE"];
            foreach (var method in methods.Where(m => m is not ("GET" or "HEAD" or "OPTIONS" or "CONNECT")))
            {
                var path = "/" + System.Text.RegularExpressions.Regex.Replace(endpoint.RoutePattern.RawText!.TrimStart('/'), "\\{[^}]*\\}", "404", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));
                if (IsCircuit(path)) continue;
                tried++;
                foreach (var body in (KeyValuePair<string, string>[][])[[], [new("_handler", "x")], [new("__RequestVerificationToken", token[..^4] + "AAAA"), new("_handler", "x")]])
                {
                    using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = new FormUrlEncodedContent(body) };
                    var answer = await person.Client.SendAsync(request);
                    // A page that does not exist now leads away before any form is looked at.
                    Assert.True((int)answer.StatusCode is >= 400 and < 500 || (answer.StatusCode == HttpStatusCode.Found && path == "/sealed"), $"{method} {path}: {answer.StatusCode}");
                    Assert.False(answer.Headers.TryGetValues("Set-Cookie", out var set) && set.Any(c => c.StartsWith("evose=", StringComparison.Ordinal)), $"{method} {path} touched the session");
                }
            }
        }
        Assert.True(tried >= 6, $"only {tried} addresses were found");
        // Still signed in, and not one row is another: nothing of it had an effect.
        Assert.Equal("", Rows.Changed(before, await Rows.PictureAsync(app)));
        Assert.Equal(HttpStatusCode.OK, (await person.GetAsync("/account/password")).StatusCode);
    }

    [Fact]
    public async Task A_token_of_somebody_else_signs_nobody_in()
    {
        await using var app = new AdminApp(Patient);
        using var attacker = new Browserless(app.Url);
        var html = await (await attacker.GetAsync("/account/login")).Content.ReadAsStringAsync();
        using var victim = new Browserless(app.Url);
        await victim.GetAsync("/account/login");
        var answer = await victim.PostAsync("/account/login",
            [new("__RequestVerificationToken", Browserless.Hidden(html, "__RequestVerificationToken")), new("_handler", "login"), new("Email", AdminApp.AdminEmail), new("Password", AdminApp.AdminPassword)]);
        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains("That form was too old", await answer.Content.ReadAsStringAsync());
    }

    private static bool TakesOnlyKeys(RouteEndpoint endpoint) => endpoint.Metadata.GetOrderedMetadata<IAuthorizeData>().Any(a => a.Policy == IdentitySetup.ApiPolicy);

    // The circuit's own addresses check the origin and carry no form; everything in it is asked again by the use cases.
    private static bool IsCircuit(string path) => path.StartsWith("/_blazor", StringComparison.Ordinal) || path.StartsWith("/_framework", StringComparison.Ordinal);
}
