using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Features.Consumers;

/// <summary>A tool's configuration that passed every check that needs no database: well-formed, without secrets, with its placeholders found.</summary>
public sealed record ToolDraft(ToolConfig Config, IReadOnlyList<(string Place, Placeholder Placeholder)> Placeholders)
{
    public const int MaxBaseUrlLength = 2048;
    public const int MaxRows = 50;
    public const int MaxNameLength = HeaderRules.MaxNameLength;
    public const int MaxValueLength = HeaderRules.MaxValueLength;
    public const int MaxBodyLength = SecretTemplate.MaxLength;

    public static readonly IReadOnlyList<string> Methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

    /// <summary>The draft, or the first thing that is wrong: where, and what to do. Nothing of what was typed is quoted, for it may be a secret.</summary>
    public static Outcome<ToolDraft> Parse(
        string? baseUrl, string? method, IEnumerable<KeyValuePair<string, string?>>? headers, IEnumerable<KeyValuePair<string, string?>>? query, string? body, IReadOnlyList<string?>? credentials = null)
    {
        var found = new List<(string, Placeholder)>();
        baseUrl = baseUrl?.Trim(' ') ?? "";
        if (RefuseBaseUrl(baseUrl, found) is { } wrongUrl) return wrongUrl;

        method = string.IsNullOrWhiteSpace(method) ? null : method.Trim().ToUpperInvariant();
        if (method is not null && !Methods.Contains(method)) return Problem.Invalid("method", $"Use one of {string.Join(", ", Methods)}, or leave the method out.");

        if (ParseRows("headers", "Header", headers, StringComparer.OrdinalIgnoreCase, RefuseHeader, found).Failed(out var wrong, out var parsedHeaders)) return wrong;
        if (ParseRows("query", "Query value", query, StringComparer.Ordinal, RefuseQuery, found).Failed(out wrong, out var parsedQuery)) return wrong;

        body = string.IsNullOrWhiteSpace(body) ? null : body;
        if (body is not null)
        {
            if (FreeText.Refuse(body, MaxBodyLength, multiline: true) is { } why) return Problem.Invalid("body", why);
            if (ParseTemplate("body", "", body, found) is { } problem) return problem;
            if (FindInJson(body) is { } finding) return Secret("body", finding);
        }
        if (ParseAttached(credentials).Failed(out wrong, out var attached)) return wrong;
        return new ToolDraft(new ToolConfig(baseUrl, method, parsedHeaders, parsedQuery, body) { Attached = attached.Count == 0 ? null : attached }, found);
    }

    /// <summary>Plain text holds something that looks like a secret: where, and the placeholder to write instead.</summary>
    public static Problem? RefuseSecret(string place, string text) => PlaintextDetector.Find(text) is { } finding ? Secret(place, finding) : null;

    /// <summary>The place of credentials that travel by rules of their own.</summary>
    public const string AttachedPlace = "credentials";

    public const int MaxAttached = 8;

    /// <summary>Whether what stands at the place becomes part of the address.</summary>
    public static bool IsInAddress(string place) => place == "base_url" || place.StartsWith("query.", StringComparison.Ordinal);

    private static Outcome<IReadOnlyList<string>> ParseAttached(IReadOnlyList<string?>? given)
    {
        var names = new List<string>();
        foreach (var name in given ?? [])
        {
            // What is no name is not quoted: it may be a value in the wrong place.
            if (!Placeholder.IsName(name)) return Problem.Invalid(AttachedPlace, $"Entry {names.Count + 1} of credentials is no name of a credential.");
            if (names.Contains(name!)) return Problem.Invalid(AttachedPlace, $"'{name}' stands in credentials twice. Keep one of them.");
            if (names.Count == MaxAttached) return Problem.Invalid(AttachedPlace, $"There are too many credentials: at most {MaxAttached}.");
            names.Add(name!);
        }
        return names;
    }

    private static Problem? RefuseBaseUrl(string text, List<(string, Placeholder)> found)
    {
        const string field = "base_url";
        if (FreeText.Refuse(text, MaxBaseUrlLength, required: true) is { } why) return Problem.Invalid(field, why);
        if (!SecretTemplate.TryParse(text, out var template, out var error)) return Detailed(field, $"{field}: {error.Sentence}", ("position", error.Position));
        var path = text.IndexOf("://", StringComparison.Ordinal) is >= 0 and var scheme ? text.IndexOf('/', scheme + 3) : -1;
        if (template.Placeholders.Any(p => path < 0 || p.Position < path)) return Problem.Invalid(field, "In a base URL a placeholder may stand in the path alone: where a value travels to is decided without it.");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var uri) || (uri.Scheme != Uri.UriSchemeHttps && uri.Scheme != Uri.UriSchemeHttp) || uri.Host.Length == 0)
            return Problem.Invalid(field, "Give an absolute http or https URL, such as https://api.openai.com/v1.");
        if (uri.UserInfo.Length > 0 || text.AsSpan(text.IndexOf("://", StringComparison.Ordinal) + 3).IndexOfAny('/', '@') is >= 0 and var at && text.AsSpan(text.IndexOf("://", StringComparison.Ordinal) + 3)[at] == '@')
            return Problem.Invalid(field, "The base URL has a user name or password before the host. Leave it out and put a placeholder in the Authorization header.");
        if (text.Contains('?', StringComparison.Ordinal)) return Problem.Invalid(field, "The base URL has a query. Leave it out and add its parts as query values.");
        if (text.Contains('#', StringComparison.Ordinal)) return Problem.Invalid(field, "The base URL has a fragment. Leave out '#' and what follows it.");
        return ParseTemplate(field, "", text, found);
    }

    private static Outcome<Dictionary<string, string>> ParseRows(string field, string called, IEnumerable<KeyValuePair<string, string?>>? rows, StringComparer comparer,
        Func<string, SecretTemplate?, string?> refuse, List<(string, Placeholder)> found)
    {
        // The stored order is the order given: it is what the seal covers and what pages show.
        var kept = new Dictionary<string, string>(comparer);
        var number = 0;
        foreach (var (givenName, given) in rows ?? [])
        {
            if (++number > MaxRows) return Problem.Invalid(field, $"There are too many {field}: at most {MaxRows}.");
            var name = givenName.Trim(' ');
            // A name is not quoted before it is known to be one and to hold no secret.
            if (refuse(name, null) is { } wrongName) return Problem.Invalid(field, $"{called} {number}: {wrongName}");
            if (PlaintextDetector.Find(name) is { } inName) return Secret(field, inName, $"{called} {number}");
            var place = $"{field}.{name}";
            if (given is null) return Problem.Invalid(place, $"{place}: Give a text, or leave the whole line out.");
            if (given.Length > MaxValueLength) return Problem.Invalid(place, $"{place}: This is too long: at most {MaxValueLength} characters.");
            if (ParseTemplate(place, name, given, found) is { } problem) return problem;
            _ = SecretTemplate.TryParse(given, out var template, out _);
            if (refuse(name, template) is { } wrongValue) return Problem.Invalid(place, $"{place}: {wrongValue}");
            if (!kept.TryAdd(name, given)) return Problem.Invalid(place, $"{place} stands here twice. Keep one of them.");
        }
        return new Dictionary<string, string>(kept, StringComparer.Ordinal);
    }

    private static string? RefuseHeader(string name, SecretTemplate? value)
    {
        if (value is null)
        {
            if (!HeaderRules.IsName(name)) return $"This is no header name. Use 1 to {MaxNameLength} letters, digits or '-'.";
            return HeaderRules.IsReservedForTemplates(name) ? "This header belongs to the connection and cannot be set by a tool. Remove it." : null;
        }
        // Values that stand for placeholders are checked at the call; here any harmless character does.
        var literal = string.Concat(value.Parts.Select(p => p.Placeholder is null ? p.Literal : "x"));
        return literal.Length == 0 ? "Give a value, or remove the header." : HeaderRules.RefuseValue(literal);
    }

    private static string? RefuseQuery(string name, SecretTemplate? value)
    {
        if (value is not null) return FreeText.Refuse(string.Concat(value.Parts.Select(p => p.Literal)), MaxValueLength);
        if (FreeText.Refuse(name, MaxNameLength, required: true) is { } why) return "The name is not usable. " + why;
        return !SecretTemplate.TryParse(name, out var template, out _) || template.HasPlaceholders ? "A name takes no placeholder. Put it in the value." : null;
    }

    private static Problem? ParseTemplate(string place, string name, string text, List<(string, Placeholder)> found)
    {
        if (!SecretTemplate.TryParse(text, out var template, out var error))
            return Detailed(place, $"{place}: {error.Sentence}", ("position", error.Position));
        var offset = 0;
        foreach (var part in template.Parts)
        {
            if (part.Placeholder is { } placeholder) found.Add((place, placeholder));
            else if ((name.Length == 0 ? PlaintextDetector.Find(part.Literal) : PlaintextDetector.Find(name, part.Literal)) is { } finding)
                return Secret(place, finding with { Position = finding.Position + offset });
            offset += part.Placeholder?.Text.Length ?? part.Literal.Length;
        }
        return null;
    }

    /// <summary>A value is told by its name too: what stands under "password" in a JSON body needs no known form.</summary>
    private static Finding? FindInJson(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(body);
            return Find(json.RootElement, "");
        }
        catch (JsonException)
        {
            return null;
        }

        Finding? Find(JsonElement element, string name) => element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().Select(p => Find(p.Value, p.Name)).FirstOrDefault(f => f is not null),
            JsonValueKind.Array => element.EnumerateArray().Select(e => Find(e, name)).FirstOrDefault(f => f is not null),
            JsonValueKind.String when element.GetString() is { } text && !text.Contains("{{", StringComparison.Ordinal) && PlaintextDetector.Find(name, text) is { } finding =>
                finding with { Position = Math.Max(0, body.IndexOf(text, StringComparison.Ordinal)) + finding.Position },
            _ => null,
        };
    }

    private static Problem Secret(string place, Finding finding, string? called = null)
    {
        var suggestion = PlaintextDetector.SuggestPlaceholder(finding.Provider);
        var message = place is "base_url" or "description"
            ? $"{place}: At character {finding.Position + 1} stands something that looks like {finding.Called}. Take it out, register it as a credential and write {suggestion} in a header, a query value or the body."
            : $"{called ?? place}: {finding.Sentence}";
        return Detailed(place, message, ("suggestion", suggestion), ("rule", finding.Rule));
    }

    internal static Problem Detailed(string place, string message, params ReadOnlySpan<(string Name, object? Value)> facts)
    {
        var details = new Dictionary<string, object?> { ["field"] = place, ["place"] = place };
        foreach (var (name, value) in facts) details[name] = value;
        return Problem.Invalid(place, message) with { Details = details };
    }
}
