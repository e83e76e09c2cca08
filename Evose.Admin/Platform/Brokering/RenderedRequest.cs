using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Catalog;
using Yarp.ReverseProxy.Forwarder;

namespace Evose.Admin.Platform.Brokering;

/// <summary>What a tool adds to a request, with values in place. Danger: holds secrets as strings, because the HTTP stack takes nothing else; it lives as long as the sending.</summary>
public sealed record RenderedRequest(Uri Target, (string Name, string Value)[] Headers)
{
    /// <summary>True when the tool sets this header, so that what the caller sends under the name is dropped.</summary>
    public bool Sets(string name)
    {
        foreach (var header in Headers)
            if (IsSame(header.Name, name)) return true;
        return false;
    }

    private const string Cookie = "Cookie";

    // After what the tool itself writes there: one header, as a browser sends it.
    private static bool TryAddCookies(ref (string Name, string Value)[] headers, string cookies)
    {
        var at = Array.FindIndex(headers, h => IsSame(h.Name, Cookie));
        if (at < 0) headers = [.. headers, (Cookie, cookies)];
        else headers[at].Value = headers[at].Value.Length == 0 ? cookies : headers[at].Value + "; " + cookies;
        return HeaderRules.IsValue(at < 0 ? cookies : headers[at].Value, HeaderRules.MaxCookieLength);
    }

    // Many servers take '_' for '-', and would see two headers where we see one.
    private static bool IsSame(string a, string b)
    {
        if (a.Length != b.Length) return false;
        for (var i = 0; i < a.Length; i++)
        {
            var (x, y) = (a[i] == '_' ? '-' : char.ToLowerInvariant(a[i]), b[i] == '_' ? '-' : char.ToLowerInvariant(b[i]));
            if (x != y) return false;
        }
        return true;
    }

    /// <summary>The request's address and headers, or why it cannot be sent. The text of a refusal never holds a value.</summary>
    /// <param name="path">Path that the caller asks for below the tool's base: encoded, without dot segments, empty or with a leading slash.</param>
    /// <param name="query">The caller's query, with '?'.</param>
    public static Outcome<RenderedRequest> Render(ToolRequest request, OpenedValues values, string path, QueryString query)
    {
        if (values.NoCookieFits) return Denial.CookieNone.ToProblem();
        var headers = request.Headers.Count == 0 ? [] : new (string Name, string Value)[request.Headers.Count];
        for (var i = 0; i < headers.Length; i++)
        {
            var (name, template) = request.Headers[i];
            var value = values.Render(template, TemplateSlot.Header);
            // A line break in a value would be a second header on the wire; YARP would drop the header silently instead.
            if (!HeaderRules.IsValue(value, IsSame(name, Cookie) ? HeaderRules.MaxCookieLength : HeaderRules.MaxValueLength)) return Denial.ValueUnsafe.ToProblem();
            headers[i] = (name, value);
        }
        if (values.AttachedCookies is { } cookies && !TryAddCookies(ref headers, cookies)) return Denial.ValueUnsafe.ToProblem();
        if (values.IsAnswerRead && !Array.Exists(headers, h => IsSame(h.Name, "Accept-Encoding"))) headers = [.. headers, ("Accept-Encoding", "identity")];
        return new RenderedRequest(TargetOf(request, path, WithQuery(request, values, query)), headers);
    }

    /// <summary>Where a call goes, without any value: what the policy decides on and the ledger records.</summary>
    public static Uri TargetOf(ToolRequest request, string path, QueryString query = default) => query.HasValue ? new(request.Prefix + path + query.Value, UriKind.Absolute) : request.At(path);

    /// <summary>The encoded form of a path that was decoded.</summary>
    public static string Encode(PathString path) => RequestUtilities.MakeDestinationAddress("http://x", path, default).AbsolutePath is { Length: > 1 } encoded ? encoded : "";

    private static QueryString WithQuery(ToolRequest request, OpenedValues values, QueryString query)
    {
        if (request.Query.Count == 0) return query;
        // The tool's own query wins: what the caller gives under the same name is dropped.
        var kept = (query.Value ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(pair => !request.Query.Any(q => string.Equals(q.Name, Uri.UnescapeDataString(pair.Split('=')[0].Replace('+', ' ')), StringComparison.Ordinal)));
        var own = request.Query.Select(q => Uri.EscapeDataString(q.Name) + "=" + values.Render(q.Template, TemplateSlot.Query));
        return new QueryString("?" + string.Join('&', kept.Concat(own)));
    }
}
