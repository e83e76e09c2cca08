using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Providers;

namespace Evose.Admin.Platform.Providers;

/// <summary>A provider's record as text: what the catalogue's file, a row, the REST surface and the editor hold alike.</summary>
public static class ProviderJson
{
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        NumberHandling = JsonNumberHandling.Strict,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        AllowDuplicateProperties = false,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // a text for people, never part of a page's markup
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
    };

    private static readonly JsonSerializerOptions Indented = new(Options) { WriteIndented = true };

    public static string Write(ProviderRecord record) => JsonSerializer.Serialize(record, Options);

    /// <summary>For a person to read and change.</summary>
    public static string WriteIndented(ProviderRecord record) => JsonSerializer.Serialize(record, Indented);

    /// <summary>The record, or the member that does not fit. Quotes nothing of the text.</summary>
    public static Outcome<ProviderRecord> Read(string text)
    {
        try
        {
            if (JsonSerializer.Deserialize<ProviderRecord>(text, Options) is not { } record) return Problem.Malformed("A provider is a JSON object.");
            // Lists and maps may hold null where the language says they do not.
            return HasNull(record) ? Problem.Malformed("A list of the record holds null.") : record;
        }
        catch (JsonException e)
        {
            return Problem.Malformed(e.LineNumber is { } line && e.Path is { Length: > 2 and < 60 } path && path.AsSpan(2).IndexOfAnyExcept(MemberName) < 0
                ? $"'{path[2..]}' (line {line + 1}) is not known here or has the wrong type."
                : "The record is not valid JSON, or has a member that is not known here.");
        }
        catch (Exception e) when (e is InvalidOperationException or NotSupportedException or ArgumentException)
        {
            return Problem.Malformed("The record holds a text that is not valid Unicode.");
        }
    }

    // A member's name is quoted only when it is written like one of ours.
    private static readonly System.Buffers.SearchValues<char> MemberName = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz_.[]0123456789");

    private static bool HasNull(ProviderRecord r) =>
        r.Hosts.Contains(null) || r.Inputs.Contains(null) || r.Steps.En.Contains(null) || r.Steps.Zh.Contains(null) || r.Headers.Values.Contains(null) || r.SigningOptions.Values.Contains(null)
        || r.Inputs.Any(i => i.Shapes.Contains(null))
        || (r.Probe is { } p && (p.Headers.Values.Contains(null) || p.Query.Values.Contains(null) || (p.Answer is { } a && (a.Alive.Contains(null) || a.LacksPermission.Contains(null) || a.Unclear.Contains(null)))));
}
