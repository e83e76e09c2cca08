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
    public Plaintext Identity => Fields.TryGetValue(Credential.MainField, out var main) ? main : Fields.OrderBy(f => f.Key, StringComparer.Ordinal).First().Value;

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

    public static Outcome<ShapedValues> Of(CredentialType type, IReadOnlyDictionary<string, Plaintext> given, DateTimeOffset now)
    {
        if (given.Count == 0) return Problem.Invalid("fields", "Give the value in fields.value.");
        return type switch
        {
            CredentialType.ApiKey => Single("An api_key", type, given),
            CredentialType.OAuthToken => Single("An oauth_token", type, given),
            CredentialType.Cookie => Single("A cookie", type, given).Failed(out var bad, out _) ? bad : Cookies(given[Credential.MainField], now),
            CredentialType.Custom => Named(type, given),
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

    private static Outcome<ShapedValues> Named(CredentialType type, IReadOnlyDictionary<string, Plaintext> given)
    {
        if (given.Count > MaxFields) return Problem.Invalid("fields", $"A credential has at most {MaxFields} fields.");
        foreach (var (name, value) in given)
        {
            if (!Placeholder.IsField(name)) return Problem.Invalid("fields", "A field's name is 1 to 32 lower-case letters, digits or '_', starting with a letter.");
            if (ValueRules.Refuse(type, "fields." + name, value.Bytes) is { } bad) return bad;
        }
        return new ShapedValues(given);
    }
}
