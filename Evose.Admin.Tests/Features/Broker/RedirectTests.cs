using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Http;

namespace Evose.Admin.Tests.Features.Broker;

/// <summary>X-05: an upstream that sends the caller elsewhere sends the credential nowhere.</summary>
public sealed class RedirectTests
{
    private const string Secret = "redirected-Canary-7f3e9a1c5b2d";

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(303)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task No_slot_of_a_credential_reaches_a_second_origin(int status)
    {
        await using var second = await Upstream.StartAsync();
        await using var first = await Upstream.StartAsync((context, _) =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = second.Url + "/taken";
            return Task.CompletedTask;
        });
        await using var app = new AdminApp();
        var ws = await Given.WorkspaceAsync(app);
        using var api = app.Api();
        // Both origins are allowed, so that only not following keeps the value from the second.
        await Given.CredentialAsync(app, ws, "svc_prod", Secret, hosts: [new Uri(first.Url).Authority, new Uri(second.Url).Authority]);
        var slots = new Dictionary<string, object>
        {
            ["in-header"] = new { base_url = first.Url, headers = new Dictionary<string, string> { ["X-Key"] = "{{credential:svc_prod}}" } },
            ["in-bearer"] = new { base_url = first.Url, headers = new Dictionary<string, string> { ["Authorization"] = "Bearer {{credential:svc_prod}}" } },
            ["in-cookie"] = new { base_url = first.Url, headers = new Dictionary<string, string> { ["Cookie"] = "session={{credential:svc_prod}}" } },
            ["in-query"] = new { base_url = first.Url, query = new { key = "{{credential:svc_prod}}" } },
            ["in-body"] = new { base_url = first.Url, method = "POST", body = "{\"key\":\"{{credential:svc_prod}}\"}" },
        };
        await GivenRemote.OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/svc_prod", new { allow_in_url = true }));
        foreach (var (tool, body) in slots) await GivenRemote.OkAsync(api.PutAsJsonAsync($"/api/v1/workspaces/{ws}/tools/{tool}", body));
        await GivenRemote.OkAsync(api.PatchAsJsonAsync($"/api/v1/workspaces/{ws}/credentials/svc_prod", new { scope = new { tools = slots.Keys } }));

        using var handler = new HttpClientHandler { AllowAutoRedirect = false };
        using var caller = new HttpClient(handler) { BaseAddress = new Uri(app.Url) };
        caller.DefaultRequestHeaders.Add("Authorization", "Bearer " + AdminApp.Key);
        foreach (var tool in slots.Keys)
        {
            if (tool != "in-body")
            {
                using var passed = await caller.PostAsync($"/broker/{ws}/{tool}/start", new StringContent("asked"));
                Assert.Equal((status, second.Url + "/taken"), ((int)passed.StatusCode, passed.Headers.Location!.ToString()));
                Received(tool);
            }
            using var invoked = await caller.PostAsJsonAsync($"/api/v1/workspaces/{ws}/tools/{tool}/invoke", new { path = "/start" });
            var text = await invoked.Content.ReadAsStringAsync();
            Assert.True(invoked.StatusCode == HttpStatusCode.OK, text);
            Assert.Equal(status, JsonDocument.Parse(text).RootElement.GetProperty("status").GetInt32());
            Assert.DoesNotContain(Secret, text);
            Received(tool);
        }
        Assert.Empty(second.Requests);

        void Received(string tool)
        {
            Assert.True(first.Requests.TryDequeue(out var seen), tool);
            Assert.Contains(Secret, tool switch
            {
                "in-header" => seen.Headers["X-Key"],
                "in-bearer" => seen.Headers["Authorization"],
                "in-cookie" => seen.Headers["Cookie"],
                "in-query" => seen.Query,
                _ => seen.Body,
            });
            Assert.Empty(first.Requests);
        }
    }
}
