using System.Runtime.InteropServices;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Platform.Intake;

/// <summary>A JSON body that holds values in <c>fields</c>: the rest is read as usual, the values straight into <see cref="Plaintext"/> without becoming strings. Disposing zeroes both.</summary>
public sealed class SecretJson : IDisposable
{
    // A member's name is quoted only when it is written like one of ours: it may be a value in the wrong place.
    private static readonly System.Buffers.SearchValues<char> MemberName = System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyz_.");

    private readonly Plaintext _body;
    private readonly JsonDocument _document;

    private readonly IReadOnlyList<string> _apart;

    private SecretJson(Plaintext body, JsonDocument document, Dictionary<string, Plaintext> fields, IReadOnlyList<string> apart) => (_body, _document, Fields, _apart) = (body, document, fields, apart);

    public Dictionary<string, Plaintext> Fields { get; }

    /// <summary>The body without its <c>fields</c>, as <typeparamref name="T"/>; a problem that names no input when it does not fit.</summary>
    public Outcome<T> Read<T>()
        where T : class
    {
        using var rest = new MemoryStream();
        using (var writer = new Utf8JsonWriter(rest))
        {
            writer.WriteStartObject();
            foreach (var property in _document.RootElement.EnumerateObject())
                if (!property.NameEquals("fields") && !_apart.Contains(property.Name)) property.WriteTo(writer);
            writer.WriteEndObject();
        }
        try
        {
            return JsonSerializer.Deserialize<T>(rest.ToArray(), ApiResults.Json)!;
        }
        catch (InvalidOperationException)
        {
            return Problem.Malformed("The body holds a text that is not valid Unicode.");
        }
        catch (JsonException e)
        {
            return Problem.Malformed(e.Path is { Length: > 2 and < 60 } path && path.AsSpan(2).IndexOfAnyExcept(MemberName) < 0 ? $"'{path[2..]}' is not known here or has the wrong type." : "The body has a member that is not known here or has the wrong type.");
        }
    }

    /// <summary>Reads a body of at most 1 MiB. Duplicate names, values that are not text, and anything that is not an object are refused.</summary>
    /// <param name="apart">Members of the body itself that are values too; given as null they are not there.</param>
    public static async Task<Outcome<SecretJson>> ReadAsync(HttpRequest request, CancellationToken ct, IReadOnlyList<string>? apart = null)
    {
        if (!request.HasJsonContentType()) return Problem.Malformed("Send JSON with Content-Type: application/json.");
        var body = await ReadBodyAsync(request, ct);
        var fields = new Dictionary<string, Plaintext>(StringComparer.Ordinal);
        JsonDocument? document = null;
        try
        {
            document = JsonDocument.Parse(body.WritableMemory, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 16 });
            if (document.RootElement.ValueKind != JsonValueKind.Object) return Refuse("The body must be a JSON object.");
            if (document.RootElement.TryGetProperty("fields", out var given))
            {
                if (given.ValueKind != JsonValueKind.Object) return Refuse("'fields' must be an object of texts.");
                foreach (var property in given.EnumerateObject())
                {
                    if (property.Value.ValueKind != JsonValueKind.String) return Refuse("Every member of 'fields' must be a text.");
                    fields[property.Name] = Text(JsonMarshal.GetRawUtf8Value(property.Value));
                }
            }
            foreach (var name in apart ?? [])
            {
                if (!document.RootElement.TryGetProperty(name, out var member) || member.ValueKind == JsonValueKind.Null) continue;
                if (member.ValueKind != JsonValueKind.String) return Refuse($"'{name}' must be a text.");
                fields[name] = Text(JsonMarshal.GetRawUtf8Value(member));
            }
            return new SecretJson(body, document, fields, apart ?? []);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON, or a text in it that is no text (half of a surrogate pair). The exception's text can quote the body.
            return Refuse("The body is not valid JSON.");
        }

        Problem Refuse(string why)
        {
            document?.Dispose();
            foreach (var f in fields.Values) f.Dispose();
            body.Dispose();
            return Problem.Malformed(why);
        }
    }

    private static Plaintext Text(ReadOnlySpan<byte> quoted)
    {
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        using var room = Plaintext.Allocate(quoted.Length);
        var length = reader.CopyString(room.Writable);
        return Plaintext.CopyOf(room.Bytes[..length]);
    }

    private static async Task<Plaintext> ReadBodyAsync(HttpRequest request, CancellationToken ct)
    {
        if (request.Body.CanSeek) request.Body.Position = 0;
        var room = Plaintext.Allocate((int)Math.Clamp(request.ContentLength ?? 64 * 1024, 1024, 1024 * 1024));
        var length = 0;
        while (true)
        {
            var n = await request.Body.ReadAsync(room.WritableMemory[length..], ct);
            if (n == 0) break;
            length += n;
            if (length < room.Length) continue;
            var wider = Plaintext.Allocate(room.Length * 2);
            room.Bytes.CopyTo(wider.Writable);
            room.Dispose();
            room = wider;
        }
        using (room)
        {
            return Plaintext.CopyOf(room.Bytes[..length]);
        }
    }

    public void Dispose()
    {
        _document.Dispose();
        foreach (var f in Fields.Values) f.Dispose();
        _body.Dispose();
    }
}
