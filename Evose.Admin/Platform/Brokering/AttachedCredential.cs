using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Brokering;

/// <summary>A credential that a tool attaches: its fields, open, with the rules by which they travel. Disposing zeroes them.</summary>
public sealed class AttachedCredential : IDisposable
{
    private readonly Dictionary<string, Plaintext> _fields = new(StringComparer.Ordinal);

    private AttachedCredential(Guid credentialId, Injection rules) => (CredentialId, Rules, Signing) = (credentialId, rules, null);

    internal Guid CredentialId { get; }

    /// <summary>The fields that travel or sign.</summary>
    internal IEnumerable<KeyValuePair<string, Plaintext>> Opened => _fields;

    public Injection Rules { get; }

    internal RequestSigning? Signing { get; private set; }

    internal bool HasBodyFields => Rules.Fields.Any(f => f.Place == FieldPlace.Body);

    /// <summary>Opens what the rules need; null when the credential has none.</summary>
    /// <exception cref="KeyNotFoundException">The version does not have a field that travels or signs.</exception>
    public static AttachedCredential? Open(SecretVault vault, in ChosenVersion chosen)
    {
        if (chosen.Rules.Injection.IsEmpty) return null;
        var opened = new AttachedCredential(chosen.CredentialId, chosen.Rules.Injection);
        try
        {
            var signs = opened.Rules.Signing != SigningScheme.None;
            foreach (var rule in opened.Rules.Fields)
            {
                if (rule.Place == FieldPlace.None && !signs) continue;
                if (chosen.Value.Fields.ContainsKey(rule.Name)) opened._fields[rule.Name] = vault.OpenTogether(new SecretAddress(chosen.WorkspaceId, chosen.CredentialId, chosen.Version), chosen.Value, rule.Name);
                else if (rule.Place != FieldPlace.None) throw new KeyNotFoundException("the version has no such field");
            }
            opened.Signing = RequestSigning.With(opened);
            return opened;
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    internal Plaintext? Find(string field) => _fields.GetValueOrDefault(field);

    internal Plaintext Field(string field) => Find(field) ?? throw new KeyNotFoundException("the version has no such field");

    /// <summary>The headers that fields make; false when a value cannot stand in one. What the tool writes itself wins.</summary>
    internal bool TryAddHeaders(List<(string Name, string Value)> headers)
    {
        foreach (var rule in Rules.Fields)
        {
            if (rule.Place != FieldPlace.Header || headers.Exists(h => RenderedRequest.IsSame(h.Name, rule.At!))) continue;
            using var value = Composed(rule);
            if (!TryText(value, out var text) || !HeaderRules.IsValue(text)) return false;
            headers.Add((rule.At!, text));
        }
        var (user, password) = (Rules.Fields.FirstOrDefault(f => f.Place == FieldPlace.BasicUser), Rules.Fields.FirstOrDefault(f => f.Place == FieldPlace.BasicPassword));
        if ((user ?? password) is null || headers.Exists(h => RenderedRequest.IsSame(h.Name, "Authorization"))) return true;
        var u = user is null ? default : Field(user.Name).Bytes;
        var p = password is null ? default : Field(password.Name).Bytes;
        // A colon would end the user name early.
        if (u.Contains((byte)':')) return false;
        using var pair = Plaintext.Allocate(u.Length + 1 + p.Length);
        u.CopyTo(pair.Writable);
        pair.Writable[u.Length] = (byte)':';
        p.CopyTo(pair.Writable[(u.Length + 1)..]);
        headers.Add(("Authorization", "Basic " + Convert.ToBase64String(pair.Bytes)));
        return headers[^1].Value.Length <= HeaderRules.MaxValueLength;
    }

    /// <summary>The query values that fields make, encoded.</summary>
    internal IEnumerable<(string Name, string Encoded)> Query()
    {
        foreach (var rule in Rules.Fields)
        {
            if (rule.Place != FieldPlace.Query) continue;
            using var value = Composed(rule);
            var text = new StringBuilder(value.Length);
            foreach (var b in value.Bytes)
            {
                if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~') text.Append((char)b);
                else text.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
            }
            yield return (rule.At!, text.ToString());
        }
    }

    /// <summary>The body with the fields in it: members of a JSON object, or of a form. The given bytes stay the giver's.</summary>
    internal Outcome<byte[]> AddToBody(ReadOnlyMemory<byte> body, string contentType)
    {
        var rules = Rules.Fields.Where(f => f.Place == FieldPlace.Body).ToList();
        if (rules.Count == 0) return body.ToArray();
        if (contentType.Contains("x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase)) return AddToForm(body.Span, rules);
        return contentType.Contains("json", StringComparison.OrdinalIgnoreCase) || (body.Length == 0 && contentType.Length == 0) ? AddToJson(body, rules)
            : Problem.Invalid("body", "A credential of this tool puts a field into the body, which works in a JSON object or a form. Send one of them with its Content-Type.");
    }

    private Outcome<byte[]> AddToForm(ReadOnlySpan<byte> body, List<FieldRule> rules)
    {
        var kept = Encoding.UTF8.GetString(body).Split('&', StringSplitOptions.RemoveEmptyEntries)
            .Where(pair => !rules.Exists(r => string.Equals(r.At, Uri.UnescapeDataString(pair.Split('=')[0].Replace('+', ' ')), StringComparison.Ordinal)));
        var text = new StringBuilder(string.Join('&', kept));
        foreach (var rule in rules)
        {
            using var value = Composed(rule);
            if (text.Length > 0) text.Append('&');
            text.Append(Uri.EscapeDataString(rule.At!)).Append('=');
            foreach (var b in value.Bytes)
            {
                if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~') text.Append((char)b);
                else text.Append('%').Append(b.ToString("X2", System.Globalization.CultureInfo.InvariantCulture));
            }
        }
        return Encoding.ASCII.GetBytes(text.ToString());
    }

    private Outcome<byte[]> AddToJson(ReadOnlyMemory<byte> body, List<FieldRule> rules)
    {
        // Room for all of it at once: a buffer that grows leaves copies behind.
        var room = new ArrayBufferWriter<byte>((body.Length * 2) + (rules.Sum(r => Field(r.Name).Length + (r.Format?.Length ?? 0) + r.At!.Length) * 6) + 256);
        try
        {
            using var document = body.Length == 0 ? JsonDocument.Parse("{}") : JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return Problem.Invalid("body", "A credential of this tool puts a field into the body, which must be a JSON object.");
            using (var writer = new Utf8JsonWriter(room, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
            {
                writer.WriteStartObject();
                foreach (var member in document.RootElement.EnumerateObject())
                    if (!rules.Exists(r => member.NameEquals(r.At))) member.WriteTo(writer);
                foreach (var rule in rules)
                {
                    using var value = Composed(rule);
                    if (!System.Text.Unicode.Utf8.IsValid(value.Bytes)) return Denial.ValueUnsafe.ToProblem();
                    writer.WriteString(rule.At!, value.Bytes);
                }
                writer.WriteEndObject();
            }
            return room.WrittenSpan.ToArray();
        }
        catch (JsonException)
        {
            // The exception's text can quote the body.
            return Problem.Invalid("body", "The body is said to be JSON and is not valid.");
        }
        finally
        {
            room.Clear();
        }
    }

    private Plaintext Composed(FieldRule rule)
    {
        var value = Field(rule.Name).Bytes;
        if (rule.Format is not { } format) return Plaintext.CopyOf(value);
        var cut = format.IndexOf("{}", StringComparison.Ordinal);
        var (before, after) = (Encoding.UTF8.GetBytes(format[..cut]), Encoding.UTF8.GetBytes(format[(cut + 2)..]));
        var whole = Plaintext.Allocate(before.Length + value.Length + after.Length);
        before.CopyTo(whole.Writable);
        value.CopyTo(whole.Writable[before.Length..]);
        after.CopyTo(whole.Writable[(before.Length + value.Length)..]);
        return whole;
    }

    private static bool TryText(Plaintext value, out string text)
    {
        var valid = System.Text.Unicode.Utf8.IsValid(value.Bytes);
        text = valid ? Encoding.UTF8.GetString(value.Bytes) : "";
        return valid;
    }

    public void Dispose()
    {
        foreach (var value in _fields.Values) value.Dispose();
        _fields.Clear();
    }
}
