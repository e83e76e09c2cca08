using System.Net;
using System.Text.RegularExpressions;

namespace Evose.Admin.Tests.Support;

/// <summary>A person with cookies and forms but without a browser: enough for pages that have no circuit.</summary>
public sealed partial class Browserless(string url) : IDisposable
{
    private readonly CookieContainer _cookies = new();
    private HttpClient? _client;

    public CookieCollection Cookies => _cookies.GetAllCookies();

    public HttpClient Client => _client ??= new HttpClient(new HttpClientHandler { CookieContainer = _cookies, AllowAutoRedirect = false }) { BaseAddress = new Uri(url) };

    public Task<HttpResponseMessage> GetAsync(string path) => Client.GetAsync(path);

    /// <summary>Opens the page, takes its token and posts the form that the page's first handler is for.</summary>
    public async Task<HttpResponseMessage> SubmitAsync(string page, IEnumerable<KeyValuePair<string, string>> fields, string? to = null)
    {
        var html = await (await GetAsync(page)).Content.ReadAsStringAsync();
        return await PostAsync(to ?? page, [new("__RequestVerificationToken", Hidden(html, "__RequestVerificationToken")), new("_handler", Hidden(html, "_handler")), .. fields]);
    }

    public Task<HttpResponseMessage> PostAsync(string path, IEnumerable<KeyValuePair<string, string>> fields) => Client.PostAsync(path, new FormUrlEncodedContent(fields));

    public async Task<HttpResponseMessage> SignInAsync(string email = AdminApp.AdminEmail, string password = AdminApp.AdminPassword, string? returnUrl = null)
    {
        var query = returnUrl is null ? "" : "?return_url=" + Uri.EscapeDataString(returnUrl);
        return await SubmitAsync("/account/login" + query, [new("Email", email), new("Password", password), new("ReturnUrl", returnUrl ?? "")]);
    }

    public static string Hidden(string html, string name) =>
        Field().Matches(html).Select(m => m.Value).Where(f => f.Contains($"name=\"{name}\"", StringComparison.Ordinal)).Select(f => WebUtility.HtmlDecode(Value().Match(f).Groups[1].Value)).FirstOrDefault() ?? "";

    public static string TextOf(string html, string testId)
    {
        var match = Regex.Match(html, $"data-testid=\"{testId}\"[^>]*>(.*?)</", RegexOptions.Singleline, TimeSpan.FromSeconds(1));
        return WebUtility.HtmlDecode(Regex.Replace(match.Groups[1].Value, "<[^>]+>", "", RegexOptions.None, TimeSpan.FromSeconds(1))).Trim();
    }

    public void Dispose() => _client?.Dispose();

    [GeneratedRegex("<input[^>]*>")]
    private static partial Regex Field();

    [GeneratedRegex("value=\"([^\"]*)\"")]
    private static partial Regex Value();
}
