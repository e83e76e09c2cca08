using System.Text.Json.Serialization;

namespace Evose.Admin.Domain.Credentials;

/// <summary>Where a field of a credential goes in a request when a tool attaches the credential instead of writing placeholders.</summary>
public enum FieldPlace
{
    /// <summary>Nowhere by itself: a placeholder names it, or the signing uses it.</summary>
    None,

    /// <summary>A header.</summary>
    Header,

    /// <summary>A query value; only with <see cref="Credential.AllowInUrl"/>.</summary>
    Query,

    /// <summary>A member of a JSON or form body.</summary>
    Body,

    /// <summary>The user name of HTTP Basic.</summary>
    BasicUser,

    /// <summary>The password of HTTP Basic.</summary>
    BasicPassword,
}

/// <summary>How a request is signed with a credential's fields before it is sent.</summary>
public enum SigningScheme
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>AWS Signature Version 4.</summary>
    AwsSigV4,

    /// <summary>A keyed hash over parts of the request, as <see cref="Injection.SigningOptions"/> says.</summary>
    Hmac,
}

/// <summary>One named field of a credential.</summary>
/// <param name="Name">As in <c>{{credential:name.field}}</c>.</param>
/// <param name="IsSecret">False: people may see it, such as a region or a user name.</param>
/// <param name="At">Name of the header, the query value or the body's member.</param>
/// <param name="Format">What is sent, with <c>{}</c> for the value, such as <c>Bearer {}</c>; null is the value alone.</param>
public sealed record FieldRule(string Name, bool IsSecret = true, FieldPlace Place = FieldPlace.None, string? At = null, string? Format = null);

/// <summary>A credential's fields and how they travel when it is attached to a tool. Sealed with the policy: it decides where a value goes.</summary>
/// <param name="SigningOptions">The scheme's settings by name; never a secret.</param>
public sealed record Injection(IReadOnlyList<FieldRule> Fields, SigningScheme Signing = SigningScheme.None, IReadOnlyDictionary<string, string>? SigningOptions = null)
{
    /// <summary>No field rules: placeholders alone decide.</summary>
    public static readonly Injection None = new([]);

    [JsonIgnore]
    public bool IsEmpty => Fields.Count == 0 && Signing == SigningScheme.None;
}
