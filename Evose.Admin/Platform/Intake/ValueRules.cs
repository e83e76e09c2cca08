using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Intake;

/// <summary>What a value must be to be kept. Says what is wrong and where, never what stands there.</summary>
public static class ValueRules
{
    /// <summary>64 KiB.</summary>
    public const int MaxBytes = 64 * 1024;

    /// <summary>Null when the value can be kept for this type. An API key and a token travel in a header, so each is one line of visible ASCII without blanks at its ends.</summary>
    public static Problem? Refuse(CredentialType type, string field, ReadOnlySpan<byte> value)
    {
        if (value.IsEmpty) return Problem.Invalid(field, "The value is empty.");
        if (value.Length > MaxBytes) return Problem.Invalid(field, "The value is too large: at most 64 KiB.");
        if (type is not (CredentialType.ApiKey or CredentialType.OAuthToken)) return null;
        if (value[0] is (byte)' ' or (byte)'\t' || value[^1] is (byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r')
            return Problem.Invalid(field, "The value begins or ends with a blank or a line break. Copy it again without it.");
        for (var i = 0; i < value.Length; i++)
            if (value[i] is < 0x20 or > 0x7e) return Problem.Invalid(field, $"Character {i + 1} of the value cannot be sent in a header. Copy the value again.");
        return value.Length > 8 * 1024 ? Problem.Invalid(field, "What travels in a header has at most 8 KiB.") : null;
    }

    /// <summary>The value without blanks and line breaks at its ends, as people paste them. The given one is zeroed.</summary>
    public static Plaintext Trimmed(Plaintext value)
    {
        using (value)
        {
            return Plaintext.CopyOf(value.Bytes.Trim(" \t\r\n"u8));
        }
    }
}
