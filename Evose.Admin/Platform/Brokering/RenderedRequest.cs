using System.Security.Cryptography;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Catalog;
using Yarp.ReverseProxy.Forwarder;

namespace Evose.Admin.Platform.Brokering;

/// <summary>What a tool adds to a request, with values in place. Danger: holds secrets as strings, because the HTTP stack takes nothing else; it lives as long as the sending.</summary>
public sealed record RenderedRequest(Uri Target, (string Name, string Value)[] Headers)
{
    private IReadOnlyList<AttachedCredential> _attached = [];
    private bool _answerIsRead;

    /// <summary>True when the body must be read whole before the request is sent: it is signed, or a field goes into it.</summary>
    public bool ReadsBody => _attached.Any(a => a.HasBodyFields || a.Signing is { ReadsBody: true });

    /// <summary>True when a field goes into the body.</summary>
    public bool ChangesBody => _attached.Any(a => a.HasBodyFields);

    /// <summary>The body with the fields that go into it; the caller zeroes it. The text of a refusal never holds a value.</summary>
    public Outcome<byte[]> BodyOf(ReadOnlyMemory<byte> body, string contentType)
    {
        var whole = body.ToArray();
        foreach (var attached in _attached)
        {
            if (!attached.HasBodyFields) continue;
            var failed = attached.AddToBody(whole, contentType).Failed(out var problem, out var next);
            CryptographicOperations.ZeroMemory(whole);
            if (failed) return problem!;
            whole = next!;
        }
        return whole;
    }

    /// <summary>Signs the request, which must be ready but for that; false when a field cannot be used for it.</summary>
    public bool Sign(HttpRequestMessage request, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        foreach (var attached in _attached)
            if (attached.Signing is { } signing && !signing.Sign(request, body, now)) return false;
        return true;
    }

    /// <summary>True when what the caller sends under the name is dropped: the tool sets this header, or it asks for a piece of an answer that is looked through as a whole.</summary>
    public bool Sets(string name)
    {
        if (_answerIsRead && AsksForPiece(name)) return true;
        foreach (var header in Headers)
            if (IsSame(header.Name, name)) return true;
        foreach (var attached in _attached)
            if (attached.Signing?.Owns(name) == true) return true;
        return false;
    }

    // Half of a value is not recognized, and the other half is asked for next. A server may always answer with the whole. Request-Range is what some still take for Range.
    private static bool AsksForPiece(string name) => name.Length is 5 or 8 or 13 && (IsSame(name, "Range") || IsSame(name, "If-Range") || IsSame(name, "Request-Range"));

    private const string Cookie = "Cookie";

    private const string AcceptEncoding = "Accept-Encoding";

    // After what the tool itself writes there: one header, as a browser sends it.
    private static bool TryAddCookies(ref (string Name, string Value)[] headers, string cookies)
    {
        var at = Array.FindIndex(headers, h => IsSame(h.Name, Cookie));
        if (at < 0) headers = [.. headers, (Cookie, cookies)];
        else headers[at].Value = headers[at].Value.Length == 0 ? cookies : headers[at].Value + "; " + cookies;
        return HeaderRules.IsValue(at < 0 ? cookies : headers[at].Value, HeaderRules.MaxCookieLength);
    }

    // Many servers take '_' for '-', and would see two headers where we see one.
    internal static bool IsSame(string a, string b)
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
        // Last, so that an answer that is looked through comes as it is.
        var asks = values.IsAnswerRead && !request.SetsAcceptEncoding;
        var headers = new (string Name, string Value)[request.Headers.Count + (asks ? 1 : 0)];
        if (asks) headers[^1] = (AcceptEncoding, "identity");
        for (var i = 0; i < request.Headers.Count; i++)
        {
            var (name, template) = request.Headers[i];
            var value = values.Render(template, TemplateSlot.Header);
            // A line break in a value would be a second header on the wire; YARP would drop the header silently instead.
            if (!HeaderRules.IsValue(value, IsSame(name, Cookie) ? HeaderRules.MaxCookieLength : HeaderRules.MaxValueLength)) return Denial.ValueUnsafe.ToProblem();
            headers[i] = (name, value);
        }
        if (values.AttachedCookies is { } cookies && !TryAddCookies(ref headers, cookies)) return Denial.ValueUnsafe.ToProblem();
        if (values.Attached.Count > 0)
        {
            List<(string Name, string Value)> all = [.. headers];
            foreach (var attached in values.Attached)
                if (!attached.TryAddHeaders(all)) return Denial.ValueUnsafe.ToProblem();
            headers = [.. all];
        }
        query = WithQuery(request, values, query);
        if (request.Path is null) return new RenderedRequest(TargetOf(request, path, query), headers) { _attached = values.Attached, _answerIsRead = values.IsAnswerRead };
        return values.RenderPath(request.Path) is { } filled
            ? new RenderedRequest(new Uri(request.Authority + filled.TrimEnd('/') + path + query.Value, UriKind.Absolute), headers) { _attached = values.Attached, _answerIsRead = values.IsAnswerRead }
            : Denial.ValueUnsafe.ToProblem();
    }

    /// <summary>Where a call goes, without any value: what the policy decides on and the ledger records.</summary>
    public static Uri TargetOf(ToolRequest request, string path, QueryString query = default) => query.HasValue ? new(request.Prefix + path + query.Value, UriKind.Absolute) : request.At(path);

    /// <summary>The encoded form of a path that was decoded.</summary>
    public static string Encode(PathString path) => RequestUtilities.MakeDestinationAddress("http://x", path, default).AbsolutePath is { Length: > 1 } encoded ? encoded : "";

    private static QueryString WithQuery(ToolRequest request, OpenedValues values, QueryString query)
    {
        var attached = values.Attached.Count == 0 ? [] : values.Attached.SelectMany(a => a.Query()).ToList();
        if (request.Query.Count == 0 && attached.Count == 0) return query;
        // The tool's own query wins: what the caller gives under the same name is dropped.
        var kept = (query.Value ?? "").TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(pair => !request.Query.Select(q => q.Name).Concat(attached.Select(a => a.Name)).Any(own => string.Equals(own, Uri.UnescapeDataString(pair.Split('=')[0].Replace('+', ' ')), StringComparison.Ordinal)));
        var own = request.Query.Select(q => Uri.EscapeDataString(q.Name) + "=" + values.Render(q.Template, TemplateSlot.Query))
            .Concat(attached.Where(a => !request.Query.Any(q => q.Name == a.Name)).Select(a => Uri.EscapeDataString(a.Name) + "=" + a.Encoded));
        return new QueryString("?" + string.Join('&', kept.Concat(own)));
    }
}
