using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.OAuth;

/// <summary>Reads the answer of a token endpoint by the provider's record. Tokens go from the bytes of the answer into <see cref="Plaintext"/> without becoming strings.</summary>
internal static class TokenReading
{
    private const int MaxToken = 16 * 1024;

    public static TokenAnswer Read(OAuthProvider provider, int status, Plaintext body)
    {
        try
        {
            using var document = JsonDocument.Parse(body.WritableMemory, new JsonDocumentOptions { MaxDepth = 16 });
            return Read(provider, status, document.RootElement);
        }
        catch (JsonException)
        {
            // Some answer errors, and GitHub everything, as a form where nobody asks for JSON; we do ask.
            return TokenAnswer.Failed(TokenLife.Read(provider, status, []), null);
        }
    }

    /// <summary>The text or number of a member; null when it is not there or is longer than a code is.</summary>
    public static string? Code(JsonElement root, string path)
    {
        if (Find(root, path) is not { } found) return null;
        var text = found.ValueKind switch
        {
            JsonValueKind.String => found.GetString(),
            JsonValueKind.Number => found.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => null,
        };
        // Only what looks like a code: an error's text can quote what was sent.
        return text is { Length: > 0 and <= 64 } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.') ? text : null;
    }

    private static TokenAnswer Read(OAuthProvider provider, int status, JsonElement root)
    {
        var names = provider.Names;
        if (root.ValueKind != JsonValueKind.Object) return TokenAnswer.Failed(TokenLife.Read(provider, status, []), null);
        var success = provider.SuccessMember is null ? status is >= 200 and < 300 : Code(root, provider.SuccessMember) == provider.SuccessValue;
        if (success && Token(root, names.AccessToken) is { } access)
        {
            return TokenAnswer.Of(access, Token(root, names.NewRefreshToken), Seconds(root, names.ExpiresIn), Seconds(root, names.RefreshExpiresIn), Scopes(root, names.Scope));
        }
        List<string> codes = [];
        if (provider.SuccessMember is { } member && Code(root, member) is { } own && own != provider.SuccessValue) codes.Add(own);
        if (Code(root, names.Error) is { } error) codes.Add(error);
        return TokenAnswer.Failed(TokenLife.Read(provider, status, codes), codes.Find(c => c is not ("false" or "true")));
    }

    private static JsonElement? Find(JsonElement root, string path)
    {
        foreach (var part in path.Split('.'))
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty(part, out root)) return null;
        return root;
    }

    private static Plaintext? Token(JsonElement root, string path)
    {
        if (Find(root, path) is not { ValueKind: JsonValueKind.String } found) return null;
        var quoted = JsonMarshal.GetRawUtf8Value(found);
        if (quoted.Length is <= 2 or > MaxToken) return null;
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        using var room = Plaintext.Allocate(quoted.Length);
        var length = reader.CopyString(room.Writable);
        return Plaintext.CopyOf(room.Bytes[..length]);
    }

    private static TimeSpan? Seconds(JsonElement root, string path) =>
        Code(root, path) is { } text && long.TryParse(text.Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is > 0 and < 10L * 366 * 86400 ? TimeSpan.FromSeconds(seconds) : null;

    private static string? Scopes(JsonElement root, string path) =>
        Find(root, path) is { ValueKind: JsonValueKind.String } found && found.GetString() is { Length: > 0 and <= 2000 } text && !text.Any(char.IsControl) ? text : null;
}
