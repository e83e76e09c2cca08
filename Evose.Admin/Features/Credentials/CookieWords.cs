using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials.Cookies;
using Evose.Admin.Platform.Intake;

namespace Evose.Admin.Features.Credentials;

/// <summary>What is said about a session's cookies beside the hosts that the credential may travel to.</summary>
internal static class CookieWords
{
    private const int MostNamed = 5;

    /// <summary>Why cookies that could never travel are not kept; null when some could, or when there are none.</summary>
    public static Problem? RefuseHosts(IReadOnlyDictionary<string, string> plain, IReadOnlyList<string> hosts)
    {
        var cookies = ValueShape.CookiesOf(plain);
        if (cookies.Count == 0 || hosts.Count == 0 || cookies.Any(c => c.CouldGoTo(hosts))) return null;
        return Problem.Invalid("fields.value", $"These cookies are for {Domains(cookies)}, and the credential may travel to {string.Join(", ", hosts.Take(MostNamed))} only: none of them would ever be sent. Correct the hosts, or copy the cookies of that site.");
    }

    public static IEnumerable<string> Warnings(IReadOnlyDictionary<string, string> plain, IReadOnlyList<string> hosts)
    {
        var others = hosts.Count == 0 ? [] : ValueShape.CookiesOf(plain).Where(c => !c.CouldGoTo(hosts)).ToList();
        if (others.Count > 0) yield return $"{(others.Count == 1 ? "One cookie is" : $"{others.Count} cookies are")} for {Domains(others)}, where the credential may not travel: never sent. Export the cookies of one site only, so that no others are kept.";
    }

    private static string Domains(IReadOnlyList<CookieFacts> cookies)
    {
        var domains = cookies.Select(c => c.Domain).Distinct().Order(StringComparer.Ordinal).ToList();
        return string.Join(", ", domains.Take(MostNamed)) + (domains.Count > MostNamed ? $" and {domains.Count - MostNamed} more" : "");
    }
}
