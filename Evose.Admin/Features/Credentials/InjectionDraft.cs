using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Intake;

namespace Evose.Admin.Features.Credentials;

/// <summary>Reads and checks the rules by which a credential's fields travel. Says what is wrong and where; what could be a value in the wrong place is not quoted.</summary>
internal static class InjectionDraft
{
    public const int MaxFormat = 200;

    private const string Field = "injection";

    private static readonly string[] Members = ["fields", "signing", "signing_options"];
    private static readonly string[] RuleMembers = ["name", "secret", "place", "at", "format"];

    public static string Wire(this FieldPlace place) => place switch
    {
        FieldPlace.None => "none",
        FieldPlace.Header => "header",
        FieldPlace.Query => "query",
        FieldPlace.Body => "body",
        FieldPlace.BasicUser => "basic_user",
        FieldPlace.BasicPassword => "basic_password",
    };

    public static string? Wire(this SigningScheme scheme) => scheme switch
    {
        SigningScheme.None => null,
        SigningScheme.AwsSigV4 => "aws_sigv4",
        SigningScheme.Hmac => "hmac",
    };

    /// <summary>The rules as the REST surface shows them.</summary>
    public static object Shape(Injection injection) => new
    {
        fields = injection.Fields.Select(f => new { f.Name, Secret = f.IsSecret, Place = f.Place.Wire(), f.At, f.Format }),
        signing = injection.Signing.Wire(),
        signing_options = injection.SigningOptions,
    };

    /// <summary>The rules as they are written; null when none are given.</summary>
    public static Outcome<Injection?> Read(JsonElement? given)
    {
        if (given is not { } json || json.ValueKind == JsonValueKind.Null) return (Injection?)null;
        if (json.ValueKind != JsonValueKind.Object) return Problem.Invalid(Field, "injection is an object: fields, signing, signing_options.");
        if (json.EnumerateObject().Any(m => !Members.Contains(m.Name))) return Problem.Invalid(Field, "injection knows fields, signing and signing_options.");
        var rules = new List<FieldRule>();
        if (json.TryGetProperty("fields", out var fields))
        {
            if (fields.ValueKind != JsonValueKind.Array) return Problem.Invalid(Field + ".fields", "injection.fields is a list of objects: name, secret, place, at, format.");
            foreach (var entry in fields.EnumerateArray())
            {
                if (ReadRule(entry, rules.Count + 1).Failed(out var wrong, out var rule)) return wrong;
                rules.Add(rule);
            }
        }
        if (Text(json, "signing").Failed(out var bad, out var word)) return bad;
        SigningScheme? scheme = word switch { null or "none" => SigningScheme.None, "aws_sigv4" => SigningScheme.AwsSigV4, "hmac" => SigningScheme.Hmac, _ => null };
        if (scheme is null) return Problem.Invalid(Field + ".signing", "signing is one of: aws_sigv4, hmac, none.");
        Dictionary<string, string>? options = null;
        if (json.TryGetProperty("signing_options", out var given2) && given2.ValueKind != JsonValueKind.Null)
        {
            if (given2.ValueKind != JsonValueKind.Object || given2.EnumerateObject().Any(o => o.Value.ValueKind != JsonValueKind.String)) return Problem.Invalid(Field + ".signing_options", "signing_options is an object of texts.");
            options = given2.EnumerateObject().ToDictionary(o => o.Name, o => o.Value.GetString()!);
        }
        return new Injection(rules, scheme.Value, options);
    }

    private static Outcome<FieldRule> ReadRule(JsonElement entry, int number)
    {
        var field = $"{Field}.fields.{number - 1}";
        if (entry.ValueKind != JsonValueKind.Object || entry.EnumerateObject().Any(m => !RuleMembers.Contains(m.Name))) return Problem.Invalid(field, $"Field {number} is an object with name, secret, place, at and format.");
        if (Text(entry, "name").Failed(out var bad, out var name) || Text(entry, "place").Failed(out bad, out var word) || Text(entry, "at").Failed(out bad, out var at) || Text(entry, "format").Failed(out bad, out var format)) return bad with { Details = new Dictionary<string, object?> { ["field"] = field } };
        var secret = true;
        if (entry.TryGetProperty("secret", out var given))
        {
            if (given.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) return Problem.Invalid(field, $"Field {number}: secret is true or false.");
            secret = given.GetBoolean();
        }
        FieldPlace? place = word is null ? FieldPlace.None : Enum.GetValues<FieldPlace>().Cast<FieldPlace?>().FirstOrDefault(p => p!.Value.Wire() == word);
        if (place is null) return Problem.Invalid(field, $"Field {number}: place is one of {string.Join(", ", Enum.GetValues<FieldPlace>().Select(p => p.Wire()))}.");
        return new FieldRule(name ?? "", secret, place.Value, string.IsNullOrEmpty(at) ? null : at, string.IsNullOrEmpty(format) ? null : format);
    }

    private static Outcome<string?> Text(JsonElement json, string member)
    {
        if (!json.TryGetProperty(member, out var text) || text.ValueKind == JsonValueKind.Null) return (string?)null;
        return text.ValueKind == JsonValueKind.String ? text.GetString() : Problem.Invalid(Field, $"'{member}' is a text.");
    }

    /// <summary>The rules in the form in which they are kept: checked, and with one for every field of a custom credential.</summary>
    /// <param name="fields">Names of the fields that there are.</param>
    public static Outcome<Injection> Check(CredentialType type, Injection? given, IReadOnlyCollection<string> fields, bool allowInUrl)
    {
        var injection = given ?? Injection.None;
        if (injection.IsEmpty && injection.SigningOptions is null) return type == CredentialType.Custom ? Filled(injection, fields) : Injection.None;
        if (type is not (CredentialType.Custom or CredentialType.ApiKey)) return Problem.Invalid(Field, "An OAuth token and a session travel by rules of their own. Leave the injection out.");
        if (injection.Fields.Count > ValueShape.MaxFields) return Problem.Invalid(Field + ".fields", $"There are at most {ValueShape.MaxFields} fields.");
        for (var i = 0; i < injection.Fields.Count; i++)
        {
            var rule = injection.Fields[i];
            Problem Bad(string why) => Problem.Invalid($"{Field}.fields.{i}", $"Field {i + 1}: {why}");
            if (!Placeholder.IsField(rule.Name)) return Bad("a name is 1 to 32 lower-case letters, digits or '_', starting with a letter.");
            if (injection.Fields.Take(i).Any(f => f.Name == rule.Name)) return Bad($"'{rule.Name}' stands here twice. Give every field its own name.");
            if (!fields.Contains(rule.Name)) return Bad($"there is no value for '{rule.Name}'. Give it in fields.{rule.Name}, or leave the rule out.");
            if (RefusePlace(rule, allowInUrl) is { } why) return Bad(why);
            if (rule.At is { } at && injection.Fields.Take(i).Any(f => f.Place == rule.Place && IsSame(f.At!, at))) return Bad($"another field goes to the same {rule.Place.Wire()}. Put each where it does not replace the other.");
            if (rule.Place is FieldPlace.BasicUser or FieldPlace.BasicPassword && injection.Fields.Take(i).Any(f => f.Place == rule.Place)) return Bad("there can be only one of these for HTTP Basic.");
        }
        var makesAuthorization = injection.Fields.Any(f => f.Place is FieldPlace.BasicUser or FieldPlace.BasicPassword);
        var headers = injection.Fields.Where(f => f.Place == FieldPlace.Header).Select(f => f.At!).ToList();
        if (makesAuthorization && headers.Exists(h => IsSame(h, "Authorization"))) return Problem.Invalid(Field + ".fields", "HTTP Basic is the Authorization header, and a field goes there too. Choose one.");
        if (RefuseSigning(injection, fields, headers, makesAuthorization) is { } wrong) return wrong;
        return Filled(injection, fields);
    }

    // Every field has its rule, so that pages and rotations know them all.
    private static Injection Filled(Injection injection, IReadOnlyCollection<string> fields) =>
        injection with { Fields = [.. injection.Fields, .. fields.Where(n => injection.Fields.All(f => f.Name != n)).Order(StringComparer.Ordinal).Select(n => new FieldRule(n))] };

    private static string? RefusePlace(FieldRule rule, bool allowInUrl)
    {
        if (rule.Place is FieldPlace.None or FieldPlace.BasicUser or FieldPlace.BasicPassword)
            return rule.At is not null ? $"'at' is for header, query and body; {rule.Place.Wire()} needs none." : rule.Format is not null ? $"'format' is for header, query and body; {rule.Place.Wire()} has none." : null;
        if (rule.At is not { } at) return $"say with 'at' which {(rule.Place == FieldPlace.Header ? "header" : rule.Place == FieldPlace.Query ? "query value" : "member of the body")} it becomes.";
        if (rule.Place == FieldPlace.Header)
        {
            if (!HeaderRules.IsName(at)) return "'at' is no header name.";
            if (HeaderRules.IsReservedForTemplates(at)) return "this header belongs to the connection and cannot be set.";
        }
        else if (FreeText.Refuse(at, HeaderRules.MaxNameLength, required: true) is not null || at != at.Trim())
        {
            return $"'at' is a name of 1 to {HeaderRules.MaxNameLength} characters.";
        }
        if (PlaintextDetector.Find(at) is not null) return "'at' looks like a secret. It is a name; the value belongs in fields.";
        if (rule.Place == FieldPlace.Query && !allowInUrl) return "a value in the query ends up in logs. Put it into a header, or accept that with allow_in_url.";
        if (rule.Format is not { } format) return null;
        var cut = format.IndexOf("{}", StringComparison.Ordinal);
        if (cut < 0 || format.IndexOf("{}", cut + 2, StringComparison.Ordinal) >= 0 || format.Length > MaxFormat) return $"'format' holds {{}} once, where the value stands, such as Bearer {{}}, and at most {MaxFormat} characters.";
        if (HeaderRules.RefuseValue(format.Replace("{}", "x", StringComparison.Ordinal)) is not null) return "'format' holds characters that cannot be sent.";
        return PlaintextDetector.Find(format) is null ? null : "'format' looks like it holds a secret. The value belongs in fields.";
    }

    private static Problem? RefuseSigning(Injection injection, IReadOnlyCollection<string> fields, List<string> headers, bool makesAuthorization)
    {
        if ((injection.SigningOptions?.Count ?? 0) > 16 || injection.SigningOptions?.Any(o => o.Key.Length > 64 || o.Value.Length > MaxFormat || o.Value.Any(char.IsControl) && o.Value != "\n") == true)
            return Problem.Invalid(Field + ".signing_options", $"signing_options has at most 16 texts of {MaxFormat} characters.");
        foreach (var (_, text) in injection.SigningOptions ?? new Dictionary<string, string>())
            if (PlaintextDetector.Find(text) is not null) return Problem.Invalid(Field + ".signing_options", "An option looks like a secret. Options are readable; the value belongs in fields.");
        Problem Missing(string field) => Problem.Invalid(Field + ".signing", $"This way of signing needs the field '{field}'. Give it in fields.{field}.");
        switch (injection.Signing)
        {
            case SigningScheme.AwsSigV4:
                if (AwsRecipe.Parse(injection.SigningOptions).Failed(out var bad, out var aws)) return bad;
                foreach (var name in new[] { AwsRecipe.KeyId, AwsRecipe.Secret })
                    if (!fields.Contains(name)) return Missing(name);
                if (aws.Region is null && !fields.Contains(AwsRecipe.RegionField)) return Problem.Invalid(Field + ".signing_options", "signing_options: Name the region, such as us-east-1, here or as a field.");
                if (aws.Service is null && !fields.Contains(AwsRecipe.ServiceField)) return Problem.Invalid(Field + ".signing_options", "signing_options: Name the service, such as s3, here or as a field.");
                return makesAuthorization || headers.Exists(h => IsSame(h, "Authorization") || h.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase))
                    ? Problem.Invalid(Field + ".fields", "AWS Signature V4 makes the Authorization and X-Amz headers itself. Let no field go there.") : null;
            case SigningScheme.Hmac:
                if (HmacRecipe.Parse(injection.SigningOptions).Failed(out bad, out var hmac)) return bad;
                foreach (var name in hmac.Fields)
                    if (!fields.Contains(name)) return Placeholder.IsField(name) ? Missing(name) : Problem.Invalid(Field + ".signing_options", "signing_options: A field is named that is none.");
                foreach (var header in new[] { hmac.Header, hmac.TimestampHeader ?? "X-Timestamp" })
                    if (!HeaderRules.IsName(header) || HeaderRules.IsReservedForTemplates(header) || HeaderRules.IsStripped(header) && !string.Equals(header, "x-api-key", StringComparison.OrdinalIgnoreCase))
                        return Problem.Invalid(Field + ".signing_options", "signing_options: The signature's and the timestamp's header are header names, and none of the connection's own.");
                return headers.Exists(h => IsSame(h, hmac.Header) || (hmac.TimestampHeader is { } stamp && IsSame(h, stamp))) || (makesAuthorization && IsSame(hmac.Header, "Authorization"))
                    ? Problem.Invalid(Field + ".fields", "The signature makes one of these headers itself. Let no field go there.") : null;
            default:
                return injection.SigningOptions is { Count: > 0 } ? Problem.Invalid(Field + ".signing_options", "signing_options are for a signing: aws_sigv4 or hmac.") : null;
        }
    }

    // Many servers take '_' for '-' in headers, and see one where we see two.
    private static bool IsSame(string a, string b) => string.Equals(a.Replace('_', '-'), b.Replace('_', '-'), StringComparison.OrdinalIgnoreCase);
}
