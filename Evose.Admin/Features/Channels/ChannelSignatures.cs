using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Evose.Admin.Features.Channels;

/// <summary>How each kind of receiver can tell that a message is ours. Keys are spans of the caller, who zeroes them; what is made of them here is zeroed.</summary>
public static class ChannelSignatures
{
    /// <summary>What a secret of Standard Webhooks begins with; the rest is the key, in base64.</summary>
    public static ReadOnlySpan<byte> StandardPrefix => "whsec_"u8;

    /// <summary>For <c>X-Evose-Signature</c>: over the raw body, with the secret as it is written.</summary>
    public static string Evose(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> body) => "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(secret, body));

    /// <summary>For <c>webhook-signature</c>.</summary>
    public static string Standard(ReadOnlySpan<byte> secret, string id, long unixSeconds, ReadOnlySpan<byte> body)
    {
        Span<byte> room = stackalloc byte[64];
        if (!TryStandardKey(secret, room, out var length)) throw new FormatException("the secret is none of Standard Webhooks");
        try
        {
            var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}.{unixSeconds}."));
            using var mac = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, room[..length]);
            mac.AppendData(head);
            mac.AppendData(body);
            return "v1," + Convert.ToBase64String(mac.GetHashAndReset());
        }
        finally
        {
            CryptographicOperations.ZeroMemory(room);
        }
    }

    /// <summary>True when the secret is one that Standard Webhooks allows: <c>whsec_</c> and 24 to 64 bytes in base64.</summary>
    public static bool IsStandard(ReadOnlySpan<byte> secret)
    {
        Span<byte> room = stackalloc byte[64];
        var good = TryStandardKey(secret, room, out var length) && length >= 24;
        CryptographicOperations.ZeroMemory(room);
        return good;
    }

    private static bool TryStandardKey(ReadOnlySpan<byte> secret, Span<byte> key, out int length)
    {
        length = 0;
        return secret.StartsWith(StandardPrefix) && Base64.DecodeFromUtf8(secret[StandardPrefix.Length..], key, out _, out length) == System.Buffers.OperationStatus.Done;
    }

    /// <summary>Feishu: the key is time and secret, the message is empty.</summary>
    public static string Feishu(ReadOnlySpan<byte> secret, long unixSeconds) => WithStamped(secret, unixSeconds, static (_, stamped) => HMACSHA256.HashData(stamped, []));

    /// <summary>DingTalk: the key is the secret, the message is time and secret.</summary>
    public static string DingTalk(ReadOnlySpan<byte> secret, long unixMilliseconds) => WithStamped(secret, unixMilliseconds, HMACSHA256.HashData);

    private delegate byte[] Signer(ReadOnlySpan<byte> secret, ReadOnlySpan<byte> stamped);

    private static string WithStamped(ReadOnlySpan<byte> secret, long time, Signer sign)
    {
        var head = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{time}\n"));
        var stamped = new byte[head.Length + secret.Length];
        try
        {
            head.CopyTo(stamped, 0);
            secret.CopyTo(stamped.AsSpan(head.Length));
            return Convert.ToBase64String(sign(secret, stamped));
        }
        finally
        {
            CryptographicOperations.ZeroMemory(stamped);
        }
    }
}
