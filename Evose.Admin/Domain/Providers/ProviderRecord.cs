using System.Text.Json.Serialization;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Domain.Providers;

/// <summary>What is known of a service whose keys people register, as data: a correction is one record. Texts stand in English and Chinese.</summary>
public sealed record ProviderRecord
{
    /// <summary>What stands before <c>_prod</c> in a credential's name, such as <c>openai</c>.</summary>
    public string Id { get; init; } = "";

    public Words Name { get; init; } = Words.None;

    /// <summary>What kind of credential a key of it is.</summary>
    public CredentialType Type { get; init; }

    /// <summary>Where a tool begins; empty when every customer has an address of its own.</summary>
    public string BaseUrl { get; init; } = "";

    /// <summary>The hosts that a key may travel to, as in a credential.</summary>
    public IReadOnlyList<string> Hosts { get; init; } = [];

    /// <summary>The fields of a credential, how each is told and where it goes in a request.</summary>
    public IReadOnlyList<ProviderInput> Inputs { get; init; } = [];

    /// <summary>Headers that every request needs beside the secret.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    /// <summary>How requests are signed with the inputs.</summary>
    public SigningScheme Signing { get; init; }

    /// <summary>The scheme's settings by name.</summary>
    public IReadOnlyDictionary<string, string> SigningOptions { get; init; } = new Dictionary<string, string>();

    /// <summary>One request that changes nothing and tells whether a value is accepted; null when the service has none.</summary>
    public ProviderProbe? Probe { get; init; }

    /// <summary>Where a new key is made.</summary>
    public string? ConsoleUrl { get; init; }

    /// <summary>How a new key is made, step by step.</summary>
    public Steps Steps { get; init; } = Steps.None;

    /// <summary>What else to know, such as how long an old key lives.</summary>
    public Words Notes { get; init; } = Words.None;

    /// <summary>What no public source confirms; shown as such.</summary>
    public IReadOnlyList<ProviderFact> Unconfirmed { get; init; } = [];

    /// <summary>The inputs as a credential's rules of travel.</summary>
    [JsonIgnore]
    public Injection Injection => new([.. Inputs.Select(i => i.Rule)], Signing, SigningOptions.Count == 0 ? null : SigningOptions);

    /// <summary>True when a request cannot be written with placeholders alone: the credential must travel by its own rules.</summary>
    [JsonIgnore]
    public bool NeedsAttaching => Signing != SigningScheme.None || Inputs.Any(i => i.Place is FieldPlace.BasicUser or FieldPlace.BasicPassword or FieldPlace.Body);

    /// <summary>True when <see cref="Probe"/> can be sent: a signed request cannot.</summary>
    [JsonIgnore]
    public bool HasProbe => Probe is not null && Signing == SigningScheme.None;

    /// <summary>The request of a tool that uses a credential of this service; without the parts that need attaching.</summary>
    public ToolConfig Tool(string credential) => new(BaseUrl, null, HeadersOf(credential), Placed(credential, FieldPlace.Query), null);

    /// <summary>The probe as a tool's request, with placeholders for the credential's fields. HTTP Basic stands there as <c>Basic user:password</c>, to be encoded once the values are in place.</summary>
    public ToolConfig? ProbeRequest(string credential)
    {
        if (Probe is null || !HasProbe) return null;
        var headers = HeadersOf(credential);
        foreach (var (name, text) in Probe.Headers) headers[name] = Filled(text, credential);
        if (IsBasic) headers["Authorization"] = BasicStart + string.Concat(Part(FieldPlace.BasicUser), ":", Part(FieldPlace.BasicPassword));
        var query = Placed(credential, FieldPlace.Query);
        foreach (var (name, text) in Probe.Query) query[name] = Filled(text, credential);
        return new ToolConfig(Probe.Url, Probe.Method, headers, query, Probe.Body is null ? null : Filled(Probe.Body, credential));

        string Part(FieldPlace place) => Inputs.FirstOrDefault(i => i.Place == place) is { } input ? Placeholder.Write(credential, input.Field) : "";
    }

    public const string BasicStart = "Basic ";

    /// <summary>True when the secret goes with HTTP Basic.</summary>
    [JsonIgnore]
    public bool IsBasic => Inputs.Any(i => i.Place is FieldPlace.BasicUser or FieldPlace.BasicPassword);

    /// <summary>The same service at another place: scheme, host and port of every address are exchanged, paths stay.</summary>
    public ProviderRecord MovedTo(Uri place)
    {
        return this with { BaseUrl = BaseUrl.Length == 0 ? "" : Move(BaseUrl), Hosts = [place.Authority], Probe = Probe is null ? null : Probe with { Url = Move(Probe.Url) } };

        string Move(string url) => place.GetLeftPart(UriPartial.Authority) + new Uri(url).AbsolutePath;
    }

    private Dictionary<string, string> HeadersOf(string credential)
    {
        var headers = new Dictionary<string, string>(Headers, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, text) in Placed(credential, FieldPlace.Header)) headers[name] = text;
        return headers;
    }

    private Dictionary<string, string> Placed(string credential, FieldPlace place) => Inputs.Where(i => i.Place == place)
        .ToDictionary(i => i.At!, i => (i.Format ?? "{}").Replace("{}", Placeholder.Write(credential, i.Field), StringComparison.Ordinal), StringComparer.OrdinalIgnoreCase);

    /// <summary>The text with <c>{{credential}}</c> and <c>{{credential.field}}</c> written out for one credential.</summary>
    public static string Filled(string text, string credential) =>
        text.Replace("{{credential}}", Placeholder.Write(credential), StringComparison.Ordinal).Replace("{{credential.", "{{credential:" + credential + ".", StringComparison.Ordinal);
}

/// <summary>One field of a credential of this service.</summary>
public sealed record ProviderInput
{
    /// <summary>As in <c>{{credential:name.field}}</c>; <c>value</c> is the main one.</summary>
    public string Name { get; init; } = Credential.MainField;

    public Words Label { get; init; } = Words.None;

    /// <summary>False: people may see it, such as a region or a user name.</summary>
    public bool IsSecret { get; init; } = true;

    /// <summary>Where it goes in a request.</summary>
    public FieldPlace Place { get; init; }

    /// <summary>Name of the header, the query value or the body's member.</summary>
    public string? At { get; init; }

    /// <summary>What is sent, with <c>{}</c> for the value; null is the value alone.</summary>
    public string? Format { get; init; }

    /// <summary>Rules of <see cref="SecretShape"/> that its values have.</summary>
    public IReadOnlyList<string> Shapes { get; init; } = [];

    /// <summary>Regular expression for the whole value, for what no shape tells.</summary>
    public string? Pattern { get; init; }

    /// <summary>Regular expression for the whole of a value that works on test data only.</summary>
    public string? TestPattern { get; init; }

    /// <summary>The field as a placeholder names it.</summary>
    [JsonIgnore]
    public string? Field => Name == Credential.MainField ? null : Name;

    /// <summary>The form of the whole value as one regular expression; null when any value will do.</summary>
    [JsonIgnore]
    public string? Accepted
    {
        get
        {
            List<string> forms = [.. SecretShape.All.Where(s => Shapes.Contains(s.Rule)).Select(s => s.Pattern)];
            if (Pattern is not null) forms.Add(Pattern);
            return forms.Count == 0 ? null : $"^(?:{string.Join('|', forms)})$";
        }
    }

    [JsonIgnore]
    public FieldRule Rule => new(Name, IsSecret, Place, At, Format);
}

/// <summary>A text in the languages of the app.</summary>
public sealed record Words(string En, string Zh)
{
    public static readonly Words None = new("", "");

    [JsonIgnore]
    public bool IsEmpty => En.Length == 0 && Zh.Length == 0;

    /// <param name="language">Two letters; anything but <c>zh</c> is English.</param>
    public string In(string language) => language == "zh" && Zh.Length > 0 ? Zh : En;
}

/// <summary>Numbered steps in the languages of the app.</summary>
public sealed record Steps(IReadOnlyList<string> En, IReadOnlyList<string> Zh)
{
    public static readonly Steps None = new([], []);

    public IReadOnlyList<string> In(string language) => language == "zh" && Zh.Count > 0 ? Zh : En;
}

/// <summary>The parts of a record that can be unconfirmed.</summary>
public enum ProviderFact
{
    /// <summary>The form of a key.</summary>
    Shape,

    /// <summary>Where the secret goes in a request.</summary>
    Placement,

    /// <summary>Base URL and hosts.</summary>
    Address,

    /// <summary>The request that checks a value.</summary>
    Probe,

    /// <summary>How the answer to it is read.</summary>
    Reading,

    /// <summary>The address where new keys are made.</summary>
    Console,

    /// <summary>The steps to a new key.</summary>
    Steps,

    /// <summary>What is said beside.</summary>
    Notes,
}

public static class ProviderFactWords
{
    public static Words Called(this ProviderFact fact) => fact switch
    {
        ProviderFact.Shape => new("the form of a key", "密钥格式"),
        ProviderFact.Placement => new("where the secret goes", "密钥的位置"),
        ProviderFact.Address => new("the addresses", "服务地址"),
        ProviderFact.Probe => new("the request that checks a key", "验证请求"),
        ProviderFact.Reading => new("how its answer is read", "验证结果的判断"),
        ProviderFact.Console => new("the page for new keys", "创建密钥的页面"),
        ProviderFact.Steps => new("the steps", "操作步骤"),
        ProviderFact.Notes => new("the notes", "说明"),
    };
}
