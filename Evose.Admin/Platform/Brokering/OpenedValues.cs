using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Credentials.Cookies;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Brokering;

/// <summary>The values of one call, opened after the use was recorded and zeroed when the call is over.</summary>
public sealed class OpenedValues : IDisposable
{
    private readonly IReadOnlyList<(string Name, string Field)> _names;
    private readonly Plaintext?[] _values;
    private Plaintext? _attachedCookies;

    /// <summary>The credentials that travel by rules of their own.</summary>
    internal IReadOnlyList<AttachedCredential> Attached => _attached ?? (IReadOnlyList<AttachedCredential>)[];

    private List<AttachedCredential>? _attached;

    private OpenedValues(IReadOnlyList<(string Name, string Field)> names) => (_names, _values) = (names, names.Count == 0 ? [] : new Plaintext?[names.Count]);

    private IReadOnlyList<ChosenVersion> _chosen = [];
    private EchoGuard? _echoes;

    /// <summary>Looks for these values in what the upstream answers; null when there is none that could be looked for.</summary>
    public EchoGuard? Echoes => _echoes ??= SharedPatterns() is { } shared ? EchoGuard.Of(shared, _chosen, isOwn: false) : EchoGuard.Of(Patterns(), _chosen, isOwn: true);

    /// <summary>True when a session was asked for and none of its cookies belongs to the call's address.</summary>
    public bool NoCookieFits { get; private set; }

    /// <summary>True when somebody looks for a text in the answer, so that it must come uncompressed.</summary>
    public bool IsAnswerRead { get; private set; }

    /// <summary>Opens every value that the tool's templates name, and the cookies of the sessions that are attached to it.</summary>
    /// <param name="target">Where the call goes: of a session, only the cookies that belong there are taken.</param>
    /// <exception cref="IntegrityException">The stored bytes are not what the app wrote for this very place.</exception>
    /// <exception cref="KeyNotFoundException">A template names a field that the version does not have.</exception>
    public static OpenedValues Open(SecretVault vault, ToolRequest request, IReadOnlyList<ChosenVersion> chosen, Uri target, DateTimeOffset now)
    {
        var opened = new OpenedValues(request.Values) { _chosen = chosen, IsAnswerRead = chosen.Count > 0 };
        try
        {
            for (var i = 0; i < opened._values.Length; i++)
            {
                var (name, field) = request.Values[i];
                foreach (var c in chosen)
                {
                    if (c.Name != name) continue;
                    if (c.Rules.Type == CredentialType.Cookie)
                    {
                        opened._values[i] = opened.CookiesOf(vault, c, field, target, now);
                        break;
                    }
                    if (!c.Value.Fields.ContainsKey(field) || !Credential.Travels(c.Rules.Type, field)) throw new KeyNotFoundException("the version has no such field");
                    opened._values[i] = vault.OpenTogether(new SecretAddress(c.WorkspaceId, c.CredentialId, c.Version), c.Value, field);
                    break;
                }
            }
            foreach (var c in chosen)
                if (c.Rules.Type == CredentialType.Cookie && request.Attached.Contains(c.Name)) opened.Attach(opened.CookiesOf(vault, c, Credential.MainField, target, now));
            if (request.Attached.Count > 0)
                foreach (var c in chosen)
                    if (request.Attached.Contains(c.Name) && AttachedCredential.Open(vault, c) is { } attached) (opened._attached ??= []).Add(attached);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>Copies of values that are in no version yet, by field; each stands for every credential that the request names.</summary>
    /// <exception cref="KeyNotFoundException">A template names a field that was not given.</exception>
    public static OpenedValues Of(ToolRequest request, IReadOnlyDictionary<string, Plaintext> given)
    {
        var opened = new OpenedValues(request.Values);
        try
        {
            for (var i = 0; i < opened._values.Length; i++)
                opened._values[i] = given.TryGetValue(request.Values[i].Field, out var value) ? Plaintext.CopyOf(value.Bytes) : throw new KeyNotFoundException("no such field was given");
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    /// <summary>The template with its values; one string, as the HTTP stack needs it.</summary>
    public string Render(SecretTemplate template, TemplateSlot slot) => template.Render(this, slot, static (values, p) => values.BytesOf(p));

    /// <summary>The cookies of the attached sessions as they stand in a header; null when none is attached.</summary>
    public string? AttachedCookies => _attachedCookies is { Length: > 0 } cookies ? Encoding.ASCII.GetString(cookies.Bytes) : null;

    // The whole jar is open only while what belongs to this address is copied out of it. What does depends on the address without its query, and on the time.
    private Plaintext CookiesOf(SecretVault vault, in ChosenVersion c, string field, Uri target, DateTimeOffset now)
    {
        IsAnswerRead |= c.Rules is { NeedsSignIn: false, Session.Marker: not null };
        var part = $"{field} {target.GetLeftPart(UriPartial.Path)}";
        if (vault.OpenTogether(new SecretAddress(c.WorkspaceId, c.CredentialId, c.Version), c.Value, Credential.MainField, part, now, Fitting) is { } cookies) return cookies;
        NoCookieFits = true;
        return Plaintext.Allocate(0);

        Plaintext? Fitting(Plaintext jar, out DateTimeOffset until)
        {
            until = CookieJar.NextExpiry(jar.Bytes, now);
            var to = new CookieTarget(target);
            if (field != Credential.MainField)
            {
                if (CookieJar.TryFind(jar.Bytes, field, to, now, out var value, out var known)) return Plaintext.CopyOf(value);
                return known ? null : throw new KeyNotFoundException("the session has no such cookie");
            }
            var fitting = Plaintext.Allocate(jar.Length);
            fitting.Truncate(CookieJar.Render(jar.Bytes, to, now, fitting.Writable));
            if (fitting.Length > 0) return fitting;
            fitting.Dispose();
            return null;
        }
    }

    private void Attach(Plaintext cookies)
    {
        if (_attachedCookies is not { } before)
        {
            _attachedCookies = cookies;
            return;
        }
        using (before)
        using (cookies)
        {
            var both = Plaintext.Allocate(before.Length + 2 + cookies.Length);
            before.Bytes.CopyTo(both.Writable);
            "; "u8.CopyTo(both.Writable[before.Length..]);
            cookies.Bytes.CopyTo(both.Writable[(before.Length + 2)..]);
            _attachedCookies = both;
        }
    }

    // The ordinary call carries one value of one credential: what it is looked for by is made once for all calls that hold the value.
    private EchoPatterns? SharedPatterns()
    {
        if (_chosen is not [var only] || _attached is not null) return null;
        if (_values.Length == 0) return _attachedCookies?.Beside(static cookies => OfCookies(cookies));
        if (_values is not [{ } value] || _attachedCookies is not null || _names[0].Name != only.Name || !IsSecret(only, _names[0].Field)) return null;
        return only.Rules.Type == CredentialType.Cookie && _names[0].Field == Credential.MainField
            ? value.Beside(static cookies => OfCookies(cookies))
            : value.Beside(static v => EchoPatterns.Of([v]));
    }

    private static EchoPatterns? OfCookies(Plaintext header)
    {
        var looking = new EchoPatterns.Collector();
        looking.Begin();
        AddCookies(ref looking, header.Bytes);
        return looking.Done();
    }

    // Of a session, the cookies one by one: a page that shows one of them shows a key. Short ones are settings, and what a site gives its own scripts against forgery it means to be read.
    private EchoPatterns? Patterns()
    {
        var looking = new EchoPatterns.Collector();
        foreach (var c in _chosen)
        {
            looking.Begin();
            for (var i = 0; i < _values.Length; i++)
            {
                if (_names[i].Name != c.Name || _values[i] is not { } value || !IsSecret(c, _names[i].Field)) continue;
                if (c.Rules.Type == CredentialType.Cookie && _names[i].Field == Credential.MainField) AddCookies(ref looking, value.Bytes);
                else looking.Add(value.Bytes);
            }
            if (c.Rules.Type == CredentialType.Cookie && _attachedCookies is { } attached) AddCookies(ref looking, attached.Bytes);
            foreach (var other in _attached ?? [])
                if (other.CredentialId == c.CredentialId)
                    foreach (var (field, value) in other.Opened)
                        if (IsSecret(c, field)) looking.Add(value.Bytes);
        }
        return looking.Done();
    }

    private static bool IsSecret(in ChosenVersion c, string field)
    {
        foreach (var rule in c.Rules.Injection.Fields)
            if (rule.Name == field) return rule.IsSecret;
        return true;
    }

    private const int ShortestCookie = 16;

    private static void AddCookies(ref EchoPatterns.Collector looking, ReadOnlySpan<byte> header)
    {
        foreach (var range in header.Split("; "u8))
        {
            var pair = header[range];
            var mark = pair.IndexOf((byte)'=');
            if (mark < 0 || pair.Length - mark - 1 < ShortestCookie || IsAgainstForgery(pair[..mark])) continue;
            looking.Add(pair[(mark + 1)..]);
        }
    }

    private static bool IsAgainstForgery(ReadOnlySpan<byte> name)
    {
        for (var i = 0; i + 4 <= name.Length; i++)
            if (Ascii.EqualsIgnoreCase(name.Slice(i, 4), "csrf"u8) || Ascii.EqualsIgnoreCase(name.Slice(i, 4), "xsrf"u8)) return true;
        return false;
    }

    /// <summary>The path with its values; null when one of them would not stay inside of its segment.</summary>
    public string? RenderPath(SecretTemplate template)
    {
        foreach (var placeholder in template.Placeholders)
            foreach (var b in BytesOf(placeholder))
                if (b is <= (byte)' ' or > (byte)'~' or (byte)'/' or (byte)'\\' or (byte)'%' or (byte)';') return null;
        var path = Render(template, TemplateSlot.Path);
        foreach (var segment in path.AsSpan().Split('/'))
            if (path.AsSpan()[segment] is "." or "..") return null;
        return path;
    }

    private ReadOnlySpan<byte> BytesOf(Placeholder p) => (Find(p.Name, p.Field ?? Credential.MainField) ?? throw new KeyNotFoundException("the value was not opened")).Bytes;

    private Plaintext? Find(string name, string field)
    {
        for (var i = 0; i < _values.Length; i++)
            if (_names[i].Name == name && _names[i].Field == field) return _values[i];
        return null;
    }

    public void Dispose()
    {
        _echoes?.Dispose();
        _echoes = null;
        _chosen = [];
        _attachedCookies?.Dispose();
        _attachedCookies = null;
        foreach (var attached in _attached ?? []) attached.Dispose();
        _attached = null;
        foreach (ref var value in _values.AsSpan())
        {
            value?.Dispose();
            value = null;
        }
    }
}

/// <summary>The version of a credential that a call uses, with its sealed bytes.</summary>
/// <param name="Rules">The credential as the catalogue has it: type and rules of travel.</param>
public readonly record struct ChosenVersion(Guid WorkspaceId, Guid CredentialId, string Name, int Version, SealedValue Value, CatalogCredential Rules);
