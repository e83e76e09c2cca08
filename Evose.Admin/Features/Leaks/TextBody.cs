using System.Runtime.InteropServices;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Features.Leaks;

/// <summary>Reads <c>{"text": "…"}</c> into memory that is zeroed: the text holds what leaked, and becomes no string.</summary>
internal static class TextBody
{
    /// <summary>Bytes of the whole body.</summary>
    public const int Max = 1024 * 1024;

    public static readonly Problem TooLarge = Problem.Invalid("text", "The text is too large: at most 1 MiB at a time. For files and logs of any size use the command line: scan PATH.");

    public static async Task<Outcome<Plaintext>> ReadAsync(HttpRequest request, CancellationToken ct)
    {
        if (request.ContentLength > Max) return TooLarge;
        if (!request.HasJsonContentType()) return Problem.Malformed("Send JSON with Content-Type: application/json.");
        if ((await ReadRawAsync(request, ct)).Failed(out var tooLarge, out var body)) return tooLarge;
        using (body)
        {
            try
            {
                using var document = JsonDocument.Parse(body.WritableMemory, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 4 });
                if (document.RootElement.ValueKind != JsonValueKind.Object) return Problem.Malformed("The body must be a JSON object.");
                foreach (var member in document.RootElement.EnumerateObject())
                    if (!member.NameEquals("text")) return Problem.Malformed("The body has a member that is not known here. Give the text in 'text'.");
                if (!document.RootElement.TryGetProperty("text", out var text) || text.ValueKind != JsonValueKind.String) return Problem.Invalid("text", "Give the text to check in 'text'.");
                return Unquoted(JsonMarshal.GetRawUtf8Value(text));
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                // The exception's text can quote the body.
                return Problem.Malformed("The body is not valid JSON.");
            }
        }
    }

    /// <summary>The body as it came.</summary>
    public static async Task<Outcome<Plaintext>> ReadRawAsync(HttpRequest request, CancellationToken ct)
    {
        if (request.ContentLength > Max) return TooLarge;
        var room = Plaintext.Allocate(Math.Max(1, (int)(request.ContentLength ?? Max)) + 1);
        using (room)
        {
            var length = 0;
            int n;
            while (length < room.Length && (n = await request.Body.ReadAsync(room.WritableMemory[length..], ct)) > 0) length += n;
            return length > Max ? TooLarge : Plaintext.CopyOf(room.Bytes[..length]);
        }
    }

    internal static Plaintext Unquoted(ReadOnlySpan<byte> quoted)
    {
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        using var room = Plaintext.Allocate(quoted.Length);
        return Plaintext.CopyOf(room.Bytes[..reader.CopyString(room.Writable)]);
    }
}
