using System.Globalization;

namespace Evose.Admin.Domain.Credentials;

/// <summary>How AWS Signature Version 4 is made with a credential: the settings, and the names of its fields.</summary>
/// <param name="Region">Null: the field <c>region</c> says it.</param>
/// <param name="Service">Null: the field <c>service</c> says it.</param>
/// <param name="SignsPayload">False: <c>UNSIGNED-PAYLOAD</c>, which only S3 takes.</param>
public sealed record AwsRecipe(string? Region, string? Service, bool SignsPayload)
{
    public const string KeyId = "access_key_id";
    public const string Secret = "secret_access_key";
    public const string Token = "session_token";
    public const string RegionField = "region";
    public const string ServiceField = "service";

    private static readonly string[] Known = ["region", "service", "payload"];

    /// <summary>The recipe, or what is wrong with the settings, as a sentence.</summary>
    public static Outcome<AwsRecipe> Parse(IReadOnlyDictionary<string, string>? options)
    {
        options ??= new Dictionary<string, string>();
        if (options.Keys.FirstOrDefault(k => !Known.Contains(k)) is not null) return SigningOptions.Invalid("AWS Signature V4 knows the options region, service and payload.");
        foreach (var name in new[] { "region", "service" })
            if (options.TryGetValue(name, out var text) && !IsName(text)) return SigningOptions.Invalid($"The {name} is 1 to 64 lower-case letters, digits or '-', such as {(name == "region" ? "us-east-1" : "s3")}.");
        var payload = options.GetValueOrDefault("payload", "signed");
        if (payload is not ("signed" or "unsigned")) return SigningOptions.Invalid("The payload is signed or unsigned.");
        var recipe = new AwsRecipe(options.GetValueOrDefault("region"), options.GetValueOrDefault("service"), payload == "signed");
        return recipe.SignsPayload || (recipe.Service is { } service && IsS3(service)) ? recipe : SigningOptions.Invalid("An unsigned payload is something that only S3 takes. Set the service to s3, or sign the payload.");
    }

    /// <summary>Whether the service is S3 or one of its relatives: they sign paths as they are, and demand the hash in a header.</summary>
    public static bool IsS3(string service) => service == "s3" || service.StartsWith("s3-", StringComparison.Ordinal) || service == "s3express";

    public static bool IsName(string text) => text.Length is > 0 and <= 64 && text.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-');
}

/// <summary>How a keyed hash over a request is made, and where it is put.</summary>
/// <param name="Key">The field that holds the key.</param>
/// <param name="KeyEncoding">How the key is written: <c>text</c>, <c>hex</c> or <c>base64</c>.</param>
/// <param name="Parts">What is hashed, in order; see <see cref="PartWords"/>.</param>
/// <param name="Separator">Between the parts.</param>
/// <param name="Format">The header's value: <c>{}</c> is the hash, <c>{timestamp}</c> the time, <c>{field:name}</c> a field.</param>
/// <param name="TimestampHeader">The header that says the time; null is none.</param>
/// <param name="Timestamp">How the time is written: <c>unix</c>, <c>unix_ms</c> or <c>iso8601</c>.</param>
public sealed record HmacRecipe(string Algorithm, string Key, string KeyEncoding, IReadOnlyList<string> Parts, string Separator, bool AsBase64, string Header, string Format, string? TimestampHeader, string Timestamp)
{
    /// <summary>The parts besides <c>header:Name</c> and <c>field:name</c>.</summary>
    public static readonly IReadOnlyList<string> PartWords = ["method", "host", "path", "query", "path_query", "timestamp", "body", "body_sha256"];

    public static readonly IReadOnlyList<string> Algorithms = ["sha256", "sha512", "sha384", "sha1"];

    private static readonly string[] Known = ["algorithm", "key", "key_encoding", "parts", "separator", "encoding", "header", "format", "timestamp_header", "timestamp"];

    public bool ReadsBody => Parts.Any(p => p is "body" or "body_sha256");

    /// <summary>The fields that parts and format name, the key included.</summary>
    public IEnumerable<string> Fields => Parts.Where(p => p.StartsWith("field:", StringComparison.Ordinal)).Select(p => p[6..]).Concat(FormatParts().Where(p => p.StartsWith("{field:", StringComparison.Ordinal)).Select(p => p[7..^1])).Append(Key).Distinct();

    /// <summary>The recipe, or what is wrong with the settings, as a sentence. What was given is not quoted.</summary>
    public static Outcome<HmacRecipe> Parse(IReadOnlyDictionary<string, string>? options)
    {
        options ??= new Dictionary<string, string>();
        if (options.Keys.Any(k => !Known.Contains(k))) return SigningOptions.Invalid($"An HMAC signature knows the options {string.Join(", ", Known)}.");
        string Of(string name, string otherwise) => options.TryGetValue(name, out var text) && text.Length > 0 ? text : otherwise;
        var parts = Of("parts", "timestamp, method, path_query, body").Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (parts.Length is 0 or > 16) return SigningOptions.Invalid("Name 1 to 16 parts that are signed, such as: timestamp, method, path_query, body.");
        for (var i = 0; i < parts.Length; i++)
            if (!PartWords.Contains(parts[i]) && !(parts[i].StartsWith("header:", StringComparison.Ordinal) && parts[i].Length is > 7 and < 136) && !(parts[i].StartsWith("field:", StringComparison.Ordinal) && parts[i].Length > 6))
                return SigningOptions.Invalid($"Part {i + 1} is none of {string.Join(", ", PartWords)}, header:Name or field:name.");
        var recipe = new HmacRecipe(Of("algorithm", "sha256"), Of("key", "secret"), Of("key_encoding", "text"), parts, Separation(options.GetValueOrDefault("separator")), Of("encoding", "hex") == "base64",
            Of("header", "X-Signature"), Of("format", "{}"), options.TryGetValue("timestamp_header", out var header) ? header.Length == 0 ? null : header : "X-Timestamp", Of("timestamp", "unix"));
        if (!Algorithms.Contains(recipe.Algorithm)) return SigningOptions.Invalid($"The algorithm is one of {string.Join(", ", Algorithms)}.");
        if (recipe.KeyEncoding is not ("text" or "hex" or "base64")) return SigningOptions.Invalid("The key's encoding is text, hex or base64.");
        if (Of("encoding", "hex") is not ("hex" or "base64")) return SigningOptions.Invalid("The signature's encoding is hex or base64.");
        if (recipe.Timestamp is not ("unix" or "unix_ms" or "iso8601")) return SigningOptions.Invalid("The timestamp is unix, unix_ms or iso8601.");
        if (recipe.Separator.Length > 4) return SigningOptions.Invalid("The separator has at most 4 characters.");
        if (recipe.Format.Length > 200 || recipe.FormatParts().Count(p => p == "{}") != 1) return SigningOptions.Invalid("The format holds {} once, where the signature stands, and at most 200 characters.");
        return recipe.FormatParts().Any(p => p[0] == '{' && p is not ("{}" or "{timestamp}") && !(p.StartsWith("{field:", StringComparison.Ordinal) && p.Length > 8))
            ? SigningOptions.Invalid("The format knows {}, {timestamp} and {field:name}.") : recipe;
    }

    /// <summary>The format in stretches: text, or something in braces.</summary>
    public IEnumerable<string> FormatParts()
    {
        var at = 0;
        while (at < Format.Length)
        {
            var open = Format.IndexOf('{', at);
            var close = open < 0 ? -1 : Format.IndexOf('}', open);
            if (close < 0)
            {
                yield return Format[at..];
                yield break;
            }
            if (open > at) yield return Format[at..open];
            yield return Format[open..(close + 1)];
            at = close + 1;
        }
    }

    public string Write(DateTimeOffset now) => Timestamp switch
    {
        "unix_ms" => now.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture),
        "iso8601" => now.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
        _ => now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
    };

    // A line break is hard to type into a form.
    private static string Separation(string? text) => text switch { null or "\\n" or "newline" => "\n", "none" => "", _ => text };
}

internal static class SigningOptions
{
    public static Problem Invalid(string sentence) => Problem.Invalid("injection.signing_options", "signing_options: " + sentence);
}
