using System.Globalization;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Tests.Features.Broker;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;
using Microsoft.Playwright;

namespace Evose.Admin.Tests.Journeys;

/// <summary>Custom and organization credentials registered by hand in a browser, and each used in a real call that the server checks itself.</summary>
public sealed class CustomInChromium(Chromium chromium)
{
    private const string AwsKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    private const string HmacKey = "hmac-key-typed-in-a-browser";
    private const string Password = "password-typed-in-a-browser";
    private const string HeaderKey = "header-key-typed-in-a-browser";
    private const string OrgKey = "org-key-typed-in-a-browser";
    private static readonly string Assertion = Convert.ToBase64String(RandomNumberGenerator.GetBytes(45_000));

    [Fact]
    public async Task Each_preset_is_registered_by_hand_and_used_in_a_real_call()
    {
        await using var upstream = await Upstream.StartAsync((context, seen) =>
        {
            context.Response.StatusCode = Accepts(seen) ? 200 : 403;
            return context.Response.WriteAsync("{}");
        });
        await using var app = new AdminApp();
        using var api = app.Api();
        var ws = await Given.WorkspaceAsync(app);
        foreach (var tool in new[] { "aws", "hmac", "basic", "headers", "saml" }) await GivenRemote.OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/{tool}", new { base_url = $"{upstream.Url}/{tool}" }));
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, async () =>
        {
            var page = window.Page;
            var tap = new WireTap(window);
            await window.SignInAsync();
            await RegisterAsync(window, ws, "aws_prod", "aws", "aws", async () =>
            {
                await page.GetByTestId("field-value-1").FillAsync("AKIDEXAMPLE");
                await page.GetByTestId("field-value-2").FillAsync(AwsKey);
                await page.GetByTestId("option-region").FillAsync("eu-west-1");
                await page.GetByTestId("option-service").FillAsync("execute-api");
            });
            await RegisterAsync(window, ws, "hmac_prod", "hmac", "hmac", async () =>
            {
                await page.GetByTestId("field-value-1").FillAsync("key-7");
                await page.GetByTestId("field-value-2").FillAsync(HmacKey);
            });
            await RegisterAsync(window, ws, "basic_prod", "key-secret", "basic", async () =>
            {
                await page.GetByTestId("field-value-1").FillAsync("reader");
                await page.GetByTestId("field-value-2").FillAsync(Password);
            });
            await Assertions.Expect(page.GetByTestId("credential-fields")).ToContainTextAsync("reader");
            await RegisterAsync(window, ws, "headers_prod", "headers", "headers", async () =>
            {
                await page.GetByTestId("field-value-1").FillAsync("client-1");
                await page.GetByTestId("field-value-2").FillAsync(HeaderKey);
            });
            await RegisterAsync(window, ws, "saml_prod", "saml", "saml", () => page.GetByTestId("field-value-1").FillAsync(Assertion));

            foreach (var tool in new[] { "aws", "hmac", "basic", "headers", "saml" })
            {
                await page.GotoAsync($"/w/{ws}/tools/{tool}?edit=true");
                await window.InteractiveAsync();
                await page.GetByTestId($"attach-{tool}_prod").CheckAsync();
                await page.GetByTestId("tool-save").ClickAsync();
                await Assertions.Expect(page.GetByTestId($"uses-{tool}_prod")).ToBeVisibleAsync();
                using HttpContent content = tool == "saml" ? new StringContent("RelayState=1", Encoding.UTF8, "application/x-www-form-urlencoded") : new StringContent("{\"n\":1}", Encoding.UTF8, "application/json");
                using var answer = await api.PostAsync($"/broker/{ws}/{tool}/call?a=1", content);
                Assert.True(answer.IsSuccessStatusCode, $"{tool}: {(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync()}");
            }

            // Only the ticked field changes; the other goes on as it was.
            await page.GotoAsync($"/w/{ws}/credentials/basic_prod/rotate?have_key=true");
            await window.InteractiveAsync();
            await page.GetByTestId("change-field-password").CheckAsync();
            await page.GetByTestId("field-value-2").FillAsync(Password + "-2");
            await page.GetByTestId("store").ClickAsync();
            await page.GetByTestId("skip-reason").FillAsync("checked by hand");
            await page.GetByTestId("skip").ClickAsync();
            await Assertions.Expect(page.GetByTestId("skip-reason")).ToHaveCountAsync(0);
            await GivenRemote.OkAsync(api.PostAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/basic_prod/rotation/promote", new { grace = "01:00:00" }));
            using (var answer = await api.GetAsync($"/broker/{ws}/basic/second")) Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());

            await tap.LookAsync();
            await tap.SettleAsync();
            // The values went to the intake and nowhere else.
            foreach (var secret in new[] { AwsKey, HmacKey, Password, HeaderKey, Assertion[..60] })
                Assert.DoesNotContain(tap.Pieces, p => !p.Where.EndsWith("/ui/intake", StringComparison.Ordinal) && Encoding.UTF8.GetString(p.Bytes).Contains(secret, StringComparison.Ordinal));
            Assert.Empty(window.Complaints);
        });
    }

    [Fact]
    public async Task An_organization_credential_is_granted_by_hand_and_used_in_a_real_call()
    {
        await using var upstream = await Upstream.StartAsync((context, seen) =>
        {
            context.Response.StatusCode = seen.Headers.GetValueOrDefault("Authorization") == "Bearer " + OrgKey ? 200 : 401;
            return context.Response.WriteAsync("{}");
        });
        await using var app = new AdminApp();
        using var api = app.Api();
        var (cs, ops) = (await Given.WorkspaceAsync(app), await Given.WorkspaceAsync(app));
        await GivenRemote.OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{cs}/tools/gpt-call", new { base_url = upstream.Url }));
        await using var window = await chromium.OpenAsync(app.Url);
        await window.TellingAsync(app, async () =>
        {
            var page = window.Page;
            await window.SignInAsync();
            await page.GetByTestId("nav-organization").ClickAsync();
            await page.GetByTestId("first-credential").ClickAsync();
            await page.GetByTestId("credential-name").FillAsync("openai_prod");
            await page.GetByTestId("credential-value").FillAsync(OrgKey);
            await page.GetByTestId($"grant-{cs}").CheckAsync();
            await page.GetByTestId($"scope-tool-{cs}/gpt-call").CheckAsync();
            await page.GetByTestId("register-save").ClickAsync();
            await page.WaitForURLAsync("**/w/org/credentials/openai_prod");
            await GivenRemote.OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{cs}/tools/gpt-call", new { base_url = upstream.Url, headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:openai_prod}}" } }));
            using (var answer = await api.GetAsync($"/broker/{cs}/gpt-call/x")) Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());

            await page.GotoAsync($"/w/{cs}/credentials");
            await Assertions.Expect(page.GetByTestId("credential-rows")).ToContainTextAsync("from the organization");
            await page.GetByTestId("credential-link").ClickAsync();
            await Assertions.Expect(page.GetByTestId("from-organization")).ToBeVisibleAsync();
            await Assertions.Expect(page.GetByTestId("edit-credential")).ToHaveCountAsync(0);
            await Given.UntilAsync(async () => (await api.GetStringAsync($"/api/v1/workspaces/{cs}/credentials/openai_prod/calls")).Contains("succeeded", StringComparison.Ordinal));

            // Withdrawn on the page: the next call is refused.
            await page.GotoAsync("/w/org/credentials/openai_prod?tab=access");
            await window.InteractiveAsync();
            await page.GetByTestId($"grant-{cs}").UncheckAsync();
            await page.GetByTestId($"grant-{ops}").CheckAsync();
            await page.GetByTestId("save-access").ClickAsync();
            await Assertions.Expect(page.GetByTestId("alert-scope")).ToBeVisibleAsync();
            using (var answer = await api.GetAsync($"/broker/{cs}/gpt-call/x")) Assert.Equal(System.Net.HttpStatusCode.Forbidden, answer.StatusCode);
            Assert.Empty(window.Complaints);
        });
    }

    private static async Task RegisterAsync(Window window, string ws, string name, string preset, string tool, Func<Task> fill)
    {
        var page = window.Page;
        await page.GotoAsync($"/w/{ws}/credentials/new?type=custom");
        await window.InteractiveAsync();
        await page.GetByTestId("credential-name").FillAsync(name);
        await page.GetByTestId("preset-" + preset).ClickAsync();
        // The server draws the preset's own fields; what is typed into the ones before is gone with them.
        await Assertions.Expect(page.GetByTestId("preset-" + preset)).ToHaveAttributeAsync("aria-pressed", "true");
        await fill();
        await page.GetByTestId("scope-tool-" + tool).CheckAsync();
        await page.GetByTestId("register-save").ClickAsync();
        await page.WaitForURLAsync($"**/w/{ws}/credentials/{name}");
        await Assertions.Expect(page.GetByTestId("credential-fields")).ToBeVisibleAsync();
    }

    private static bool Accepts(Upstream.Seen seen) => seen.Path.Split('/')[1] switch
    {
        "aws" => AwsCheck.Accepts(seen, AwsKey, "eu-west-1", "execute-api"),
        "hmac" => seen.Headers["X-Key-Id"] == "key-7" && Math.Abs(TimeProvider.System.GetUtcNow().ToUnixTimeSeconds() - long.Parse(seen.Headers["X-Timestamp"], CultureInfo.InvariantCulture)) < 60
            && seen.Headers["X-Signature"] == Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(HmacKey), Encoding.UTF8.GetBytes($"{seen.Headers["X-Timestamp"]}\n{seen.Method}\n{seen.Path}{seen.Query}\n{seen.Body}"))),
        "basic" => seen.Headers["Authorization"] == "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("reader:" + Password + (seen.Path.EndsWith("second", StringComparison.Ordinal) ? "-2" : ""))),
        "headers" => (seen.Headers["X-Client-Id"], seen.Headers["X-Api-Key"]) == ("client-1", HeaderKey),
        "saml" => seen.Body == "RelayState=1&SAMLResponse=" + Uri.EscapeDataString(Assertion),
        _ => false,
    };
}
