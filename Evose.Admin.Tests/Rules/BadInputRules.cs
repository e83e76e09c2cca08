using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Rules;

/// <summary>Whatever is sent to an address that takes a body: what cannot be read or used is refused in the platform's envelope, and nothing is written.</summary>
public sealed class BadInputRules
{
    private static readonly string[] ControlCharacters = ["a\u0000b", "a\u0007b", "a\u001bb", "a\u007fb", "a\r\nb"];

    [Fact]
    public async Task Every_bad_body_is_refused_in_the_envelope_and_changes_nothing()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00" });
        var good = new GoodRequests(app, await Given.WorkspaceAsync(app), upstream);
        using var api = app.Api();
        var failures = new List<string>();
        var tried = 0;
        foreach (var row in good.All.Where(r => r.Method is "POST" or "PUT" or "PATCH"))
        {
            var ready = await row.Prepare();
            if (ready.Body is not { } body) continue;
            var before = await Rows.PictureAsync(app);
            foreach (var (what, content) in Bodies(row, body))
            {
                tried++;
                using var request = new HttpRequestMessage(new HttpMethod(row.Method), ready.Path) { Content = content };
                // A body that is too large is refused before it is sent.
                request.Headers.ExpectContinue = content.Headers.ContentLength > 1024 * 1024;
                using var answer = await api.SendAsync(request);
                var text = await answer.Content.ReadAsStringAsync();
                if ((int)answer.StatusCode is < 400 or >= 500) failures.Add($"{row.Name}, {what}: {(int)answer.StatusCode} {text[..Math.Min(text.Length, 200)]}");
                else if (!HasCode(text)) failures.Add($"{row.Name}, {what}: no envelope: {text[..Math.Min(text.Length, 200)]}");
                var after = await Rows.PictureAsync(app);
                if (Rows.Changed(before, after) is { Length: > 0 } changed) failures.Add($"{row.Name}, {what} changed {changed}");
                before = after;
            }
            // What was refused was the body: the good one is taken.
            using var taken = await good.SendAsync(api, row.Method, ready.Path, body);
            if (!taken.IsSuccessStatusCode) failures.Add($"{row.Name}: the good one was refused: {(int)taken.StatusCode} {await taken.Content.ReadAsStringAsync()}");
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.True(tried > 200, $"only {tried} bodies were tried");
    }

    [Fact]
    public async Task Every_read_answers_odd_names_and_parameters_in_words()
    {
        await using var upstream = await Upstream.StartAsync();
        await using var app = new AdminApp(new() { ["Rotation:SweepInterval"] = "1.00:00:00" });
        var good = new GoodRequests(app, await Given.WorkspaceAsync(app), upstream);
        var (credential, tool) = (await good.RotatingAsync(), await good.ToolAsync());
        using var api = app.Api();
        using var document = JsonDocument.Parse(await api.GetStringAsync("/openapi/v1.json"));
        var (tried, failures) = (0, new List<string>());
        foreach (var path in document.RootElement.GetProperty("paths").EnumerateObject().Where(p => p.Name.StartsWith("/api/", StringComparison.Ordinal) && p.Value.TryGetProperty("get", out _)))
        {
            var parameters = path.Value.GetProperty("get").TryGetProperty("parameters", out var all) ? all.EnumerateArray().Select(p => (Name: p.GetProperty("name").GetString()!, In: p.GetProperty("in").GetString()!)).ToList() : [];
            var there = path.Name.Replace("{ws}", good.Ws, StringComparison.Ordinal).Replace("{name}", path.Name.Contains("/credentials/", StringComparison.Ordinal) ? credential : tool, StringComparison.Ordinal);
            foreach (var (name, _) in parameters.Where(p => p.In == "query"))
            {
                foreach (var odd in OddTexts)
                {
                    await LookAsync($"{there}?{name}={odd}");
                    await LookAsync($"{there}?{name}={odd}&{name}=again");
                }
            }
            foreach (var (name, _) in parameters.Where(p => p.In == "path"))
                foreach (var odd in OddTexts.Where(o => o.Length > 0))
                    await LookAsync(path.Name.Replace($"{{{name}}}", odd, StringComparison.Ordinal).Replace("{ws}", good.Ws, StringComparison.Ordinal).Replace("{name}", "any", StringComparison.Ordinal), exists: false);
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures.Take(40)));
        Assert.True(tried > 300, $"only {tried} addresses were tried");

        async Task LookAsync(string address, bool exists = true)
        {
            tried++;
            using var answer = await api.GetAsync(address);
            var text = await answer.Content.ReadAsStringAsync();
            var status = (int)answer.StatusCode;
            // The web server itself refuses a path that holds a NUL, before the app sees it.
            if (status == 400 && address.Split('?')[0].Contains("%00", StringComparison.Ordinal)) return;
            if (status >= 500 || (status >= 400 && !HasCode(text)) || (!exists && status < 400)) failures.Add($"GET {address}: {status} {text[..Math.Min(text.Length, 160)]}");
        }
    }

    // Empty, control characters, blanks, other alphabets, numbers out of range, quotes, paths, and one that is long; as they stand in an address.
    private static readonly string[] OddTexts =
    [
        "", "%00", "a%00b", "a%0d%0aX-Injected:%201", "%07", "%7f", "%20", "%F0%9F%94%91", "%C3%A4", "%ff", "%ed%a0%80", "-1", "0", "99999999999999999999", "1.5", "NaN", "true", "null", "'%22%3B--", "..%2f..%2fetc", "%252e%252e", "2026-13-45", new string('x', 4000),
    ];

    private static IEnumerable<(string What, StringContent Content)> Bodies(GoodRequests.Row row, JsonObject good)
    {
        if (!row.BodyIsOptional)
        {
            yield return ("an empty body", Json(""));
            if (!row.MembersAreOptional) yield return ("an empty object", Json("{}"));
        }
        yield return ("not JSON", Json("name=a&value=b"));
        yield return ("half of it", Json(good.ToJsonString()[..^1]));
        yield return ("a list", Json("[" + good.ToJsonString() + "]"));
        yield return ("a text", Json("\"text\""));
        yield return ("a number", Json("7"));
        yield return ("1 MiB and a byte", Json("{\"x\":\"" + new string('x', 1024 * 1024 + 1 - 8) + "\"}"));
        yield return ("a form", new StringContent("name=a", Encoding.UTF8, "application/x-www-form-urlencoded"));
        yield return ("an unknown member", Json(With(good, "surprise", "x")));
        foreach (var member in good.Select(m => m.Key))
            yield return ($"another type of {member}", Json(With(good, member, good[member]!.GetValueKind() is JsonValueKind.True or JsonValueKind.False ? JsonValue.Create("text") : (JsonNode)JsonValue.Create(true))));
        foreach (var member in row.Texts)
        {
            // A body template, a description and a reason have lines.
            foreach (var text in ControlCharacters.Where(c => member is not ("body" or "description" or "skip_verify_reason" or "note") || !c.Contains('\n', StringComparison.Ordinal)))
                yield return ($"{JsonEncodedText.Encode(text)} in {member}", Json(With(good, member, text)));
            yield return ($"64 KiB and a byte in {member}", Json(With(good, member, new string('x', 64 * 1024 + 1))));
            // A number of seconds is a grace.
            if (member is not "grace") yield return ($"a number in {member}", Json(With(good, member, JsonValue.Create(1.5))));
        }
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static string With(JsonObject good, string path, string text) => With(good, path, (JsonNode?)JsonValue.Create(text));

    private static string With(JsonObject good, string path, JsonNode? value)
    {
        var copy = good.DeepClone().AsObject();
        JsonNode at = copy;
        var parts = path.Split('.');
        foreach (var part in parts[..^1]) at = (at is JsonArray list ? list[int.Parse(part)] : at[part])!;
        if (at is JsonArray items) items[int.Parse(parts[^1])] = value;
        else at[parts[^1]] = value;
        return copy.ToJsonString();
    }

    private static bool HasCode(string text)
    {
        try
        {
            using var json = JsonDocument.Parse(text);
            return json.RootElement.TryGetProperty("error", out var error) && error.TryGetProperty("code", out var code) && code.GetString() is { Length: > 0 }
                && error.TryGetProperty("message", out var message) && message.GetString() is { Length: > 0 };
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
