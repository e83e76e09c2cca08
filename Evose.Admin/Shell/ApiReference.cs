using System.Text;
using Evose.Admin.Platform.Api;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Evose.Admin.Shell;

/// <summary>The REST surface as the reference page shows it: made from the OpenAPI document, so that the two cannot differ.</summary>
public sealed class ApiReference([FromKeyedServices(ApiSetup.DocumentName)] IOpenApiDocumentProvider documents)
{
    private const int MaxDepth = 6;

    private IReadOnlyList<Group>? _groups;

    public sealed record Group(string Name, IReadOnlyList<Operation> Operations)
    {
        public string Anchor => string.Concat(Name.ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));
    }

    /// <param name="Methods">More than one where all do the same.</param>
    /// <param name="Body">The JSON that it takes, as an example of its form.</param>
    public sealed record Operation(string Methods, string Path, string Summary, IReadOnlyList<Parameter> Parameters, string? Body);

    public sealed record Parameter(string Name, string In, bool Required, string Type);

    public async Task<IReadOnlyList<Group>> GroupsAsync(CancellationToken ct) => _groups ??= Of(await documents.GetOpenApiDocumentAsync(ct));

    private static List<Group> Of(OpenApiDocument document)
    {
        var all = document.Paths.SelectMany(p => (p.Value.Operations ?? []).Select(o => (Tag: o.Value.Tags?.FirstOrDefault()?.Name ?? "", Path: p.Key, Method: o.Key.Method, Shared: p.Value.Parameters, Item: o.Value))).ToList();
        return [.. (document.Tags ?? new HashSet<OpenApiTag>()).Select(tag => new Group(tag.Name ?? "", [.. all.Where(o => o.Tag == tag.Name).GroupBy(o => (o.Path, o.Item.Summary))
            .Select(same => Of(string.Join(' ', same.Select(o => o.Method)), same.Key.Path, same.First().Item, same.First().Shared))]))];
    }

    private static Operation Of(string methods, string path, OpenApiOperation operation, IEnumerable<IOpenApiParameter>? shared)
    {
        var parameters = (shared ?? []).Concat(operation.Parameters ?? []).Select(p => new Parameter(p.Name ?? "", p.In?.ToString().ToLowerInvariant() ?? "", p.Required, TypeOf(p.Schema)));
        var body = operation.RequestBody?.Content?.Values.FirstOrDefault()?.Schema;
        return new Operation(methods, path, operation.Summary ?? "", [.. parameters], body is null ? null : Example(body));
    }

    private static string TypeOf(IOpenApiSchema? schema) => ((schema?.Type ?? JsonSchemaType.String) & ~JsonSchemaType.Null) switch
    {
        JsonSchemaType.Boolean => "true or false",
        var t when t.HasFlag(JsonSchemaType.Integer) => "number",
        _ => "text",
    };

    private static string Example(IOpenApiSchema schema)
    {
        var text = new StringBuilder();
        Write(text, schema, 0);
        return text.ToString();
    }

    private static void Write(StringBuilder text, IOpenApiSchema? schema, int depth)
    {
        schema = schema?.OneOf?.FirstOrDefault(s => s.Type != JsonSchemaType.Null) ?? schema;
        if (schema?.Properties is { Count: > 0 } members && depth < MaxDepth)
        {
            text.Append("{\n");
            var last = members.Count - 1;
            foreach (var ((name, member), i) in members.Select((m, i) => (m, i)))
            {
                text.Append(' ', (depth + 1) * 2).Append('"').Append(name).Append("\": ");
                Write(text, member, depth + 1);
                text.Append(i < last ? ",\n" : "\n");
            }
            text.Append(' ', depth * 2).Append('}');
            return;
        }
        if (schema?.Items is { } items)
        {
            text.Append('[');
            Write(text, items, depth + 1);
            text.Append(']');
            return;
        }
        var type = schema?.Type is { } said ? said & ~JsonSchemaType.Null : JsonSchemaType.String;
        text.Append(schema?.AdditionalProperties is not null ? "{ \"name\": \"…\" }"
            : type.HasFlag(JsonSchemaType.Boolean) ? "true"
            : type.HasFlag(JsonSchemaType.Integer) || type.HasFlag(JsonSchemaType.Number) ? "1"
            : type.HasFlag(JsonSchemaType.Object) ? "{ … }" : "\"…\"");
    }
}
