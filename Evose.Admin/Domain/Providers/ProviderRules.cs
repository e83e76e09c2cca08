using System.Text.Json;
using System.Text.RegularExpressions;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Domain.Providers;

/// <summary>Pure: what a record must be to be kept, whoever wrote it.</summary>
public static partial class ProviderRules
{
    public const int MaxName = 80;
    public const int MaxText = 1000;
    public const int MaxUrl = 500;
    public const int MaxSteps = 12;
    public const int MaxInputs = 16;
    public const int MaxPattern = 400;

    private static readonly string[] Methods = ["GET", "HEAD", "POST"];

    /// <summary>The first thing that is wrong, by member, or null. Nothing of what was written is quoted.</summary>
    public static Problem? Refuse(ProviderRecord r)
    {
        if (!IsId(r.Id)) return Problem.Invalid("id", "Use 2 to 40 lower-case letters, digits or '_', starting with a letter, such as acme_crm.");
        if (RefuseWords("name", r.Name, MaxName, required: true) is { } name) return name;
        if (!Enum.IsDefined(r.Type)) return Problem.Invalid("type", "The type is one of: api_key, oauth_token, cookie, custom.");
        var hasBase = !string.IsNullOrEmpty(r.BaseUrl);
        if (RefuseUrl("base_url", r.BaseUrl, required: hasBase) is { } baseUrl) return baseUrl;
        if (hasBase && r.Hosts.Count == 0) return Problem.Invalid("hosts", "Name at least one host that a key may travel to.");
        if (DestinationPolicy.Normalize(r.Hosts).Failed(out _, out var hosts)) return Problem.Invalid("hosts", "Each host is host[:port][/path], or *.host for one label.");
        if (hasBase && !DestinationPolicy.Allows(hosts, new Uri(r.BaseUrl))) return Problem.Invalid("hosts", "The hosts do not cover the base URL, so that no tool could use a key.");
        if (RefuseInputs(r) is { } inputs) return inputs;
        if (RefuseHeaders("headers", r.Headers, r) is { } headers) return headers;
        if (r.SigningOptions.Count > 16 || r.SigningOptions.Any(o => Bad(o.Key, 64, true) || Bad(o.Value, 200, false))) return Problem.Invalid("signing_options", "A setting of the signature is not usable.");
        if (r.Probe is { } probe && RefuseProbe(r, probe, hosts) is { } wrong) return wrong;
        if (RefuseUrl("console_url", r.ConsoleUrl, required: false) is { } console) return console;
        if (r.Steps.En.Count > MaxSteps || r.Steps.Zh.Count != r.Steps.En.Count) return Problem.Invalid("steps", $"Give at most {MaxSteps} steps, and as many in Chinese as in English.");
        if (r.Steps.En.Concat(r.Steps.Zh).Any(s => Bad(s, MaxText, true))) return Problem.Invalid("steps", $"A step is one line of at most {MaxText} characters.");
        return RefuseWords("notes", r.Notes, MaxText, required: false);
    }

    /// <summary>Something in the record that looks like a secret, or null: it is read by everybody.</summary>
    public static Finding? FindSecret(string text) => PlaintextDetector.Find(text);

    // "new" is the address of the page that makes one.
    public static bool IsId(string? id) => id is not "new" and { Length: >= 2 and <= 40 } && IdForm().IsMatch(id);

    /// <summary>The regular expression, matched in linear time; null when it is none or cannot be.</summary>
    public static Regex? Compile(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            return null;
        }
    }

    private static Problem? RefuseInputs(ProviderRecord r)
    {
        if (r.Inputs.Count is 0 or > MaxInputs) return Problem.Invalid("inputs", $"Give 1 to {MaxInputs} inputs.");
        if (r.Inputs.Select(i => i.Name).Distinct(StringComparer.Ordinal).Count() != r.Inputs.Count) return Problem.Invalid("inputs", "Two inputs have the same name.");
        if (r.Type != CredentialType.Custom && r.Inputs is not [{ Name: Credential.MainField }]) return Problem.Invalid("inputs", "Only a custom credential has fields other than one 'value'.");
        if (!r.Inputs.Any(i => i.IsSecret)) return Problem.Invalid("inputs", "At least one input is secret.");
        foreach (var input in r.Inputs)
        {
            if (!Placeholder.IsField(input.Name)) return Problem.Invalid("inputs.name", "An input's name is 1 to 32 lower-case letters, digits or '_', starting with a letter.");
            if (RefuseWords("inputs.label", input.Label, MaxName, required: true) is { } label) return label;
            if (!Enum.IsDefined(input.Place)) return Problem.Invalid("inputs.place", "The place is one of: none, header, query, body, basic_user, basic_password.");
            if (input.Place == FieldPlace.Header && (!HeaderRules.IsName(input.At) || HeaderRules.IsReservedForTemplates(input.At!))) return Problem.Invalid("inputs.at", "Name the header that the value goes into.");
            if (input.Place is FieldPlace.Query or FieldPlace.Body && Bad(input.At, 128, true)) return Problem.Invalid("inputs.at", "Name the query value or the member that the value goes into.");
            if (input.At is not null && (Bad(input.At, 128, false) || input.At.Contains("{{", StringComparison.Ordinal))) return Problem.Invalid("inputs.at", "This is no name.");
            if (input.Format is not null && (Bad(input.Format, 200, true) || !input.Format.Contains("{}", StringComparison.Ordinal) || input.Format.Contains("{{", StringComparison.Ordinal) || HeaderRules.RefuseValue(input.Format) is not null))
                return Problem.Invalid("inputs.format", "The format is one line with {} where the value stands, such as Bearer {}.");
            foreach (var shape in input.Shapes)
                if (SecretShape.All.All(s => s.Rule != shape)) return Problem.Invalid("inputs.shapes", "There is no such shape. Write a pattern instead.");
            if (RefusePattern("inputs.pattern", input.Pattern) is { } pattern) return pattern;
            if (RefusePattern("inputs.test_pattern", input.TestPattern) is { } test) return test;
        }
        return r.Inputs.Count(i => i.Place == FieldPlace.BasicUser) > 1 || r.Inputs.Count(i => i.Place == FieldPlace.BasicPassword) > 1
            ? Problem.Invalid("inputs.place", "HTTP Basic has one user name and one password.")
            : r.Inputs.Where(i => i.Place is FieldPlace.Header or FieldPlace.Query).GroupBy(i => (i.Place, i.At!.ToUpperInvariant())).Any(g => g.Count() > 1)
                ? Problem.Invalid("inputs.at", "Two inputs go into the same place.")
                : null;
    }

    private static Problem? RefusePattern(string member, string? pattern)
    {
        if (pattern is null) return null;
        return Bad(pattern, MaxPattern, true) || Compile(pattern) is null
            ? Problem.Invalid(member, "This is no regular expression that can be matched in linear time: leave out back-references and look-arounds.")
            : null;
    }

    private static Problem? RefuseProbe(ProviderRecord r, ProviderProbe probe, IReadOnlyList<string> hosts)
    {
        if (!Methods.Contains(probe.Method)) return Problem.Invalid("probe.method", "The check is GET, HEAD, or a POST that changes nothing.");
        if (RefuseUrl("probe.url", probe.Url, required: true) is { } url) return url;
        if (!DestinationPolicy.Allows(hosts, new Uri(probe.Url))) return Problem.Invalid("probe.url", "The record's hosts do not cover the check.");
        if (RefuseHeaders("probe.headers", probe.Headers, r) is { } headers) return headers;
        if (probe.Query.Count > 16 || probe.Query.Any(q => Bad(q.Key, 128, true) || Bad(q.Value, MaxText, false) || !IsTemplate(q.Value, r))) return Problem.Invalid("probe.query", "A query value is not usable.");
        if (probe.Body is not null && (FreeText.Refuse(probe.Body, 4000, multiline: true) is not null || !IsTemplate(probe.Body, r) || !IsJson(probe.Body)))
            return Problem.Invalid("probe.body", "The body is JSON with {{credential.field}} inside its texts.");
        if (probe.Body is not null && probe.Method != "POST") return Problem.Invalid("probe.body", "Only a POST has a body.");
        foreach (var (member, list) in new[] { ("probe.alive", probe.Alive), ("probe.dead", probe.Dead), ("probe.lacks_permission", probe.LacksPermission) })
            if (list.Count > 32 || list.Any(s => s is < 200 or > 599)) return Problem.Invalid(member, "A status is 200 to 599.");
        if (probe.Dead.Intersect(probe.Alive).Concat(probe.Dead.Intersect(probe.LacksPermission)).Concat(probe.Alive.Intersect(probe.LacksPermission)).Any())
            return Problem.Invalid("probe.dead", "A status says one thing only.");
        if (probe.Answer is not { } answer) return null;
        if (Bad(answer.Member, 128, true) || (answer.Reason is not null && Bad(answer.Reason, 128, true))) return Problem.Invalid("probe.answer", "Name the member of the answer that tells.");
        if (answer.Alive.Count == 0) return Problem.Invalid("probe.answer.alive", "Say which values of the member mean yes.");
        return answer.Alive.Concat(answer.LacksPermission).Concat(answer.Unclear).Any(v => Bad(v, 80, true)) || answer.Alive.Count + answer.LacksPermission.Count + answer.Unclear.Count > 64
            ? Problem.Invalid("probe.answer", "A value of the answer is one line of at most 80 characters.")
            : null;
    }

    private static Problem? RefuseHeaders(string member, IReadOnlyDictionary<string, string> headers, ProviderRecord r)
    {
        foreach (var (name, text) in headers)
            if (!HeaderRules.IsName(name) || HeaderRules.IsReservedForTemplates(name) || text is null || HeaderRules.RefuseValue(text) is not null || !IsTemplate(text, r))
                return Problem.Invalid(member, "A header is not usable: a name, and one line of visible ASCII.");
        return headers.Count > 16 ? Problem.Invalid(member, "There are too many headers: at most 16.") : null;
    }

    // Placeholders are written as {{credential}} and name inputs of this record; any other would be a credential of its own.
    private static bool IsTemplate(string text, ProviderRecord r) =>
        !text.Contains("{{credential:", StringComparison.Ordinal)
        && SecretTemplate.TryParse(ProviderRecord.Filled(text, "x"), out var template, out _)
        && template.Placeholders.All(p => r.Inputs.Any(i => i.Name == (p.Field ?? Credential.MainField)));

    private static bool IsJson(string body)
    {
        try
        {
            using var json = JsonDocument.Parse(ProviderRecord.Filled(body, "x"));
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static Problem? RefuseUrl(string member, string? url, bool required)
    {
        if (string.IsNullOrEmpty(url) && !required) return null;
        if (Bad(url, MaxUrl, true) || !Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme != Uri.UriSchemeHttps || uri.UserInfo.Length > 0 || uri.Host.Length == 0)
            return Problem.Invalid(member, "Give an absolute https URL.");
        if (member != "console_url" && (uri.Query.Length > 0 || uri.Fragment.Length > 0)) return Problem.Invalid(member, "Leave out the query and the fragment.");
        return url!.Contains("{{", StringComparison.Ordinal) ? Problem.Invalid(member, "A URL takes no placeholder: addresses end up in logs.") : null;
    }

    private static Problem? RefuseWords(string member, Words words, int max, bool required)
    {
        foreach (var (language, text) in new[] { ("en", words.En), ("zh", words.Zh) })
            if (FreeText.Refuse(text, max, required || !words.IsEmpty, multiline: member == "notes") is { } why) return Problem.Invalid($"{member}.{language}", why);
        return null;
    }

    private static bool Bad(string? text, int max, bool required) => FreeText.Refuse(text, max, required) is not null;

    [GeneratedRegex("^[a-z][a-z0-9]*(_[a-z0-9]+)*$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex IdForm();
}
