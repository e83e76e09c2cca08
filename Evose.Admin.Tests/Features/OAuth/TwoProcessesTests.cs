using System.Net;
using System.Net.Http.Json;
using Evose.Admin.Tests.Platform.Postgres;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Features.OAuth;

/// <summary>Two processes of the app over one PostgreSQL.</summary>
public sealed class TwoProcessesTests
{
    [Fact]
    public async Task Fifty_callers_on_two_processes_at_the_end_of_a_token_cause_exactly_one_refresh_and_none_of_them_fails()
    {
        var database = await PostgresServer.NewDatabaseAsync();
        var directories = Enumerable.Range(0, 2).Select(_ => Directory.CreateTempSubdirectory("evose-node-").FullName).ToList();
        try
        {
            await using var server = await OAuthServer.StartAsync();
            await server.AllowAsync("http://localhost:1/callback");
            var settings = Nodes.Settings(database).ToDictionary(s => s.Key, s => s.Value!);
            await using var first = await AppProcess.StartAsync(directories[0], settings: settings);
            await using var second = await AppProcess.StartAsync(directories[1], settings: settings);
            using var api = first.Api();
            var tokens = await server.GrantAsync("http://localhost:1/callback");
            await MustAsync(await api.PostAsJsonAsync("/api/v1/workspaces", new { name = "CS", slug = "cs" }));
            await MustAsync(await api.PostAsJsonAsync("/api/v1/workspaces/cs/credentials", new
            {
                name = "drive_prod", type = "oauth_token", provider = "oauth2", allowed_hosts = new[] { new Uri(server.Url).Authority },
                fields = new { value = tokens.Access, refresh_token = tokens.Refresh, client_id = OAuthServer.ClientId, client_secret = OAuthServer.ClientSecret },
                oauth = new { authorize_url = server.Url + "/authorize", token_url = server.Url + "/token" },
            }));
            await MustAsync(await api.PutAsJsonAsync("/api/v1/workspaces/cs/tools/drive", new { base_url = server.Url + "/api", headers = new { Authorization = "Bearer {{credential:drive_prod}}" } }));
            await MustAsync(await api.PatchAsJsonAsync("/api/v1/workspaces/cs/credentials/drive_prod", new { scope = new { tools = new[] { "drive" } } }));
            using var callers = new HttpClientPair(first.Api(), second.Api());
            Assert.All(await CallAsync(callers, 4), status => Assert.Equal(HttpStatusCode.OK, status));
            Assert.Empty(server.RefreshTokensSent);

            await server.EndAccessTokensAsync();
            Assert.True(await PostgresServer.ExecuteAsync(database, "UPDATE credential_version SET expires_at = 1; UPDATE credential SET stamp = (SELECT stamp + 1 FROM installation); UPDATE installation SET stamp = stamp + 1") > 0);
            server.BeforeToken = async _ =>
            {
                await Task.Delay(500);
                return false;
            };
            Assert.All(await CallAsync(callers, 50), status => Assert.Equal(HttpStatusCode.OK, status));
            Assert.Equal(tokens.Refresh, Assert.Single(server.RefreshTokensSent));

            // And again: the family is alive, so nobody used a refresh token twice.
            await server.EndAccessTokensAsync();
            await PostgresServer.ExecuteAsync(database, "UPDATE credential_version SET expires_at = 1 WHERE state = 1; UPDATE credential SET stamp = (SELECT stamp + 1 FROM installation); UPDATE installation SET stamp = stamp + 1");
            Assert.All(await CallAsync(callers, 50), status => Assert.Equal(HttpStatusCode.OK, status));
            Assert.Equal(2, server.RefreshTokensSent.Distinct().Count());
            Assert.Equal(2, server.RefreshTokensSent.Count());
        }
        finally
        {
            await PostgresServer.DropAsync(database);
            foreach (var directory in directories) DataFolder.Delete(directory);
        }
    }

    private static async Task<HttpStatusCode[]> CallAsync(HttpClientPair callers, int count) => await Task.WhenAll(Enumerable.Range(0, count).Select(async i =>
    {
        using var answer = await (i % 2 == 0 ? callers.First : callers.Second).GetAsync("/broker/cs/drive/me");
        return answer.StatusCode;
    }));

    private static async Task MustAsync(HttpResponseMessage answer)
    {
        using (answer) Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
    }

    private sealed record HttpClientPair(HttpClient First, HttpClient Second) : IDisposable
    {
        public void Dispose()
        {
            First.Dispose();
            Second.Dispose();
        }
    }
}
