using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Credentials.Cookies;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Intake;

/// <summary>The values of one version, checked and in the form in which they are sealed. Disposing zeroes what was made here; what was given stays the giver's.</summary>
/// <param name="Fields">Every field to seal, the plain ones included.</param>
/// <param name="Plain">Those that people may see.</param>
/// <param name="ExpiresAt">When the value itself ends, as it says itself.</param>
public sealed record ShapedValues(IReadOnlyDictionary<string, Plaintext> Fields, IReadOnlyDictionary<string, string> Plain, DateTimeOffset? ExpiresAt, IReadOnlyList<Plaintext> Made) : IDisposable
{
    public ShapedValues(IReadOnlyDictionary<string, Plaintext> fields) : this(fields, new Dictionary<string, string>(), null, []) { }

    /// <summary>The value that two versions are compared by: the main field, or the first by name.</summary>
    public Plaintext Identity { get => field ?? (Fields.TryGetValue(Credential.MainField, out var main) ? main : Fields.OrderBy(f => f.Key, StringComparer.Ordinal).First().Value); init; }

    public void Dispose()
    {
        foreach (var value in Made) value.Dispose();
    }
}

/// <summary>What the fields of each type are: reads what a person or a program gave into what is kept. Says what is wrong and where, never what stands there.</summary>
public static class ValueShape
{
    public const int MaxFields = 32;

    /// <summary>The plain field of a session: its cookies without their values, as JSON.</summary>
    public const string CookiesField = "cookies";

    /// <summary>Characters of a field that people may see.</summary>
    public const int MaxPlain = 4 * 1024;

    /// <param name="rules">Of a custom credential: which of the fields people may see.</param>
    public static Outcome<ShapedValues> Of(CredentialType type, IReadOnlyDictionary<string, Plaintext> given, DateTimeOffset now, Injection? rules = null)
    {
        // An OAuth token may be registered before anybody has signed in.
        if (given.Count == 0 && type != CredentialType.OAuthToken) return Problem.Invalid("fields", "Give the value in fields.value.");
        return type switch
        {
            CredentialType.ApiKey => Single("An api_key", type, given),
            CredentialType.OAuthToken => Token(given),
            CredentialType.Cookie => Single("A cookie", type, given).Failed(out var bad, out _) ? bad : Cookies(given[Credential.MainField], now),
            CredentialType.Custom => Named(type, given, rules ?? Injection.None),
        };
    }

    private static Outcome<ShapedValues> Single(string called, CredentialType type, IReadOnlyDictionary<string, Plaintext> given)
    {
        if (!given.TryGetValue(Credential.MainField, out var value)) return Problem.Invalid("fields", "Give the value in fields.value.");
        // The other names are not quoted: one of them may be a value in the wrong place.
        if (given.Count > 1) return Problem.Invalid("fields", $"{called} has one field: value. Leave the others out.");
        return ValueRules.Refuse(type, "fields." + Credential.MainField, value.Bytes) is { } bad ? bad : new ShapedValues(given);
    }

    private static Outcome<ShapedValues> Cookies(Plaintext pasted, DateTimeOffset now)
    {
        using var room = Plaintext.Allocate(CookieJar.MaxBytes);
        if (PastedCookies.Read(pasted.Bytes, now, room.Writable).Failed(out var bad, out var found)) return bad;
        var jar = Plaintext.CopyOf(room.Bytes[..found.Length]);
        return new ShapedValues(new Dictionary<string, Plaintext>(StringComparer.Ordinal) { [Credential.MainField] = jar }, PlainOf(found.Cookies), found.ExpiresAt, [jar]);
    }

    /// <summary>What people may see of a session's cookies, in the form in which it is kept.</summary>
    public static IReadOnlyDictionary<string, string> PlainOf(IReadOnlyList<CookieFacts> cookies) =>
        new Dictionary<string, string>(StringComparer.Ordinal) { [CookiesField] = JsonSerializer.Serialize(cookies, JsonSerializerOptions.Default) };

    /// <summary>The cookies of a version, without their values; empty when it has none.</summary>
    public static IReadOnlyList<CookieFacts> CookiesOf(IReadOnlyDictionary<string, string> plain) =>
        plain.TryGetValue(CookiesField, out var json) ? JsonSerializer.Deserialize<List<CookieFacts>>(json, JsonSerializerOptions.Default)! : [];

    /// <summary>Fields of an OAuth token that belong to its client, not to the version.</summary>
    public const string ClientId = "client_id", ClientSecret = "client_secret";

    private const string RefreshToken = "refresh_token";

    private static Outcome<ShapedValues> Token(IReadOnlyDictionary<string, Plaintext> given)
    {
        foreach (var (name, value) in given)
        {
            if (name is not (Credential.MainField or RefreshToken or ClientId or ClientSecret)) return Problem.Invalid("fields", "An oauth_token has the fields value, refresh_token, client_id and client_secret. Leave the others out.");
            if (ValueRules.Refuse(CredentialType.OAuthToken, "fields." + name, value.Bytes) is { } bad) return bad;
        }
        if (given.ContainsKey(RefreshToken) && !given.ContainsKey(Credential.MainField)) return Problem.Invalid("fields.value", "A refresh token alone is not enough: give the access token in fields.value too.");
        return new ShapedValues(given.Where(f => f.Key is Credential.MainField or RefreshToken).ToDictionary(f => f.Key, f => f.Value, StringComparer.Ordinal));
    }

    private static Outcome<ShapedValues> Named(CredentialType type, IReadOnlyDictionary<string, Plaintext> given, Injection rules)
    {
        if (given.Count > MaxFields) return Problem.Invalid("fields", $"A credential has at most {MaxFields} fields.");
        foreach (var (name, value) in given)
        {
            if (!Placeholder.IsField(name)) return Problem.Invalid("fields", "A field's name is 1 to 32 lower-case letters, digits or '_', starting with a letter.");
            if (ValueRules.Refuse(type, "fields." + name, value.Bytes) is { } bad) return bad;
        }
        var plain = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var rule in rules.Fields)
        {
            if (rule.IsSecret || !given.TryGetValue(rule.Name, out var value)) continue;
            if (!System.Text.Unicode.Utf8.IsValid(value.Bytes)) return Problem.Invalid("fields." + rule.Name, "A field that people may see is text.");
            var text = System.Text.Encoding.UTF8.GetString(value.Bytes);
            if (FreeText.Refuse(text, MaxPlain, multiline: true) is { } why) return Problem.Invalid("fields." + rule.Name, why);
            if (PlaintextDetector.Find(text) is not null) return Problem.Invalid("fields." + rule.Name, "This looks like a secret, and the field is one that people may see. Make the field secret.");
            plain[rule.Name] = text;
        }
        // Of several fields none is the one that two versions are compared by: all of them are.
        if (given.ContainsKey(Credential.MainField)) return new ShapedValues(given, plain, null, []);
        var identity = Joined(given);
        return new ShapedValues(given, plain, null, [identity]) { Identity = identity };
    }

    private static Plaintext Joined(IEnumerable<KeyValuePair<string, Plaintext>> fields)
    {
        var parts = fields.OrderBy(f => f.Key, StringComparer.Ordinal).ToList();
        var whole = Plaintext.Allocate(parts.Sum(p => p.Key.Length + 1 + p.Value.Length + 1));
        var at = 0;
        foreach (var (name, value) in parts)
        {
            at += System.Text.Encoding.ASCII.GetBytes(name, whole.Writable[at..]) + 1;
            value.Bytes.CopyTo(whole.Writable[at..]);
            at += value.Length + 1;
        }
        return whole;
    }
}
