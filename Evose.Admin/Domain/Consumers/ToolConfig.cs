using System.Text.Json.Serialization;

namespace Evose.Admin.Domain.Consumers;

/// <summary>What a tool sends: where to, and the templates of headers, query and body. Placeholders stand for values; a value never stands here.</summary>
/// <param name="BaseUrl">Absolute http(s) URL without query or fragment; placeholders in its path alone. The call's path is appended.</param>
/// <param name="Method">Default method of an invocation; null is POST with a body, GET without.</param>
/// <param name="Headers">Header templates; they win over what the caller sends.</param>
/// <param name="Query">Query templates; they win over what the caller sends.</param>
/// <param name="Body">Body template of an invocation that brings no body.</param>
public sealed record ToolConfig(
    string BaseUrl,
    string? Method,
    IReadOnlyDictionary<string, string> Headers,
    IReadOnlyDictionary<string, string> Query,
    string? Body)
{
    /// <summary>Names of the credentials that travel by their own rules (a session's cookies, a signature, named fields) instead of a placeholder; null is none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Attached { get; init; }

    /// <summary>Every template with the place it stands in, such as <c>headers.Authorization</c>.</summary>
    public IEnumerable<(string Place, string Text)> Templates()
    {
        yield return ("base_url", BaseUrl);
        foreach (var (name, text) in Headers) yield return ("headers." + name, text);
        foreach (var (name, text) in Query) yield return ("query." + name, text);
        if (Body is not null) yield return ("body", Body);
        // As if each stood in a template of its own: who looks for a credential's name finds it here too.
        foreach (var name in Attached ?? []) yield return ("credentials", Opening + name + Closing);
    }

    /// <summary>The same configuration with every template rewritten.</summary>
    public ToolConfig Rewrite(Func<string, string> rewrite) => this with
    {
        BaseUrl = rewrite(BaseUrl),
        Headers = Headers.ToDictionary(h => h.Key, h => rewrite(h.Value)),
        Query = Query.ToDictionary(q => q.Key, q => rewrite(q.Value)),
        Body = Body is null ? null : rewrite(Body),
        Attached = Attached is null ? null : [.. Attached.Select(name => rewrite(Opening + name + Closing)[Opening.Length..^Closing.Length])],
    };

    // The same text as Placeholder.Write makes; consumers know no templates.
    private const string Opening = "{{credential:";
    private const string Closing = "}}";
}
