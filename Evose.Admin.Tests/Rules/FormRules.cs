using System.Net;
using System.Text.RegularExpressions;
using Evose.Admin.Features.Account;
using Evose.Admin.Tests.Support;

namespace Evose.Admin.Tests.Rules;

/// <summary>Every form that is posted: nothing that is typed into any of its fields makes the app fail, opens anything or changes a row that counts.</summary>
public sealed partial class FormRules
{
    private static readonly string[] Odd = ["", " ", "\0", "a\0b", "a\ab", "\u001b[31m", "line\r\nSet-Cookie: evose=1", "trailing\n", "\u202egnirts", "<script>alert(1)</script>", "{{credential:openai_prod}}", "' OR 1=1 --", new('x', 64 * 1024 + 1)];

    private static readonly string[] NotTyped = ["__RequestVerificationToken", "_handler"];

    [Fact]
    public async Task No_field_of_any_form_takes_the_app_down_or_lets_anybody_in()
    {
        await using var app = new AdminApp(new() { ["Account:AttemptsPerMinute"] = "10000" });
        using var person = new Browserless(app.Url);
        await person.SignInAsync();
        using var nobody = new Browserless(app.Url);
        await TryAsync(app, nobody, "/account/login", 2);
        await TryAsync(app, nobody, "/account/accept-invite?token=" + new string('a', 43), 0);
        await TryAsync(app, person, "/account/password", 2);
        await TryAsync(app, person, "/account/recovery-key", 1);

        await using var fresh = new AdminApp(new() { ["Account:AttemptsPerMinute"] = "10000", ["Bootstrap:AdminEmail"] = "", ["Bootstrap:AdminPassword"] = "" });
        using var first = new Browserless(fresh.Url);
        await TryAsync(fresh, first, "/setup?token=" + fresh.Get<SetupToken>().Text, 2);
    }

    private static async Task TryAsync(AdminApp app, Browserless person, string page, int atLeast)
    {
        var html = await (await person.GetAsync(page)).Content.ReadAsStringAsync();
        var names = Names().Matches(html).Select(m => m.Groups[1].Value).Distinct().Except(NotTyped).ToList();
        Assert.True(names.Count >= atLeast, $"{page} has the fields {string.Join(", ", names)}");
        var before = await CountsAsync(app);
        foreach (var name in names)
        {
            foreach (var odd in Odd)
            {
                // What the form hides stays as it is unless it is its turn.
                var fields = names.Select(n => new KeyValuePair<string, string>(n, n == name ? odd : Browserless.Hidden(html, n)));
                using var answer = await person.SubmitAsync(page, fields);
                var status = (int)answer.StatusCode;
                Assert.True(status < 500, $"{page}, {name}: {status} {await answer.Content.ReadAsStringAsync()}");
                Assert.False(answer.Headers.TryGetValues("Set-Cookie", out var set) && set.Any(c => c.StartsWith("evose=", StringComparison.Ordinal) && !c.StartsWith("evose=;", StringComparison.Ordinal)), $"{page}, {name}: somebody was let in");
                if (status == 200 || status == 422) Assert.DoesNotContain("<script>alert(1)", await answer.Content.ReadAsStringAsync());
            }
        }
        Assert.Equal(before, await CountsAsync(app));
    }

    // What an attempt may write is the trail and the count of attempts.
    private static async Task<string> CountsAsync(AdminApp app) =>
        string.Join('\n', (await Rows.PictureAsync(app)).Where(t => t.Key is not ("audit_event" or "chain_head" or "installation")).Select(t => $"{t.Key} {(t.Key.Contains("user", StringComparison.OrdinalIgnoreCase) ? t.Value.Split(' ')[0] : t.Value)}"));

    [GeneratedRegex("<(?:input|textarea|select)[^>]* name=\"([^\"]+)\"")]
    private static partial Regex Names();
}
