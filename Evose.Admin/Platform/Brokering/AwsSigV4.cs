using System.Buffers;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Brokering;

/// <summary>AWS Signature Version 4 in a header. The secret key is read from bytes and every key made of it is zeroed.</summary>
internal static class AwsSigV4
{
    public const string UnsignedPayload = "UNSIGNED-PAYLOAD";
    public const string DateHeader = "x-amz-date";
    public const string HashHeader = "x-amz-content-sha256";
    public const string TokenHeader = "x-amz-security-token";

    private const string Algorithm = "AWS4-HMAC-SHA256";

    /// <summary>What is signed of a request.</summary>
    /// <param name="Path">As it is sent.</param>
    /// <param name="Query">As it is sent, without '?'.</param>
    /// <param name="Headers">Lower-case names; the date among them.</param>
    /// <param name="PayloadHash">Lower-case hex, or <see cref="UnsignedPayload"/>.</param>
    public readonly record struct Request(string Method, string Path, string Query, IReadOnlyList<(string Name, string Value)> Headers, string PayloadHash);

    public static string DateOf(DateTimeOffset now) => now.UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture);

    /// <summary>The value of the Authorization header.</summary>
    /// <param name="isS3">S3 signs the path as it is; every other service a path that is encoded once more.</param>
    public static string Authorization(in Request request, string keyId, ReadOnlySpan<byte> secret, string region, string service, string date, bool isS3)
    {
        var headers = request.Headers.GroupBy(h => h.Name, StringComparer.Ordinal).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => (Name: g.Key, Value: string.Join(',', g.Select(h => Collapsed(h.Value))))).ToList();
        var signedHeaders = string.Join(';', headers.Select(h => h.Name));
        var scope = $"{date.AsSpan(0, 8)}/{region}/{service}/aws4_request";

        // Hashed piece by piece: the whole text would hold the session's token.
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Add(hash, $"{request.Method}\n{CanonicalPath(request.Path, isS3)}\n{CanonicalQuery(request.Query)}\n");
        foreach (var (name, value) in headers)
        {
            Add(hash, name);
            Add(hash, ":");
            Add(hash, value);
            Add(hash, "\n");
        }
        Add(hash, $"\n{signedHeaders}\n{request.PayloadHash}");
        Span<byte> digest = stackalloc byte[32];
        hash.GetHashAndReset(digest);
        var toSign = Encoding.UTF8.GetBytes($"{Algorithm}\n{date}\n{scope}\n{Convert.ToHexStringLower(digest)}");

        Span<byte> key = stackalloc byte[32];
        try
        {
            using (var first = Plaintext.Allocate(4 + secret.Length))
            {
                "AWS4"u8.CopyTo(first.Writable);
                secret.CopyTo(first.Writable[4..]);
                HMACSHA256.HashData(first.Bytes, Encoding.ASCII.GetBytes(date, 0, 8), key);
            }
            Derive(key, region);
            Derive(key, service);
            Derive(key, "aws4_request");
            HMACSHA256.HashData(key, toSign, digest);
            return $"{Algorithm} Credential={keyId}/{scope}, SignedHeaders={signedHeaders}, Signature={Convert.ToHexStringLower(digest)}";
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private static void Derive(Span<byte> key, string text)
    {
        Span<byte> next = stackalloc byte[32];
        HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(text), next);
        next.CopyTo(key);
        CryptographicOperations.ZeroMemory(next);
    }

    private static void Add(IncrementalHash hash, string text)
    {
        var room = ArrayPool<byte>.Shared.Rent(Encoding.UTF8.GetMaxByteCount(text.Length));
        try
        {
            hash.AppendData(room, 0, Encoding.UTF8.GetBytes(text, room));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(room, clearArray: true);
        }
    }

    private static string CanonicalPath(string path, bool isS3)
    {
        if (path.Length == 0) return "/";
        if (isS3) return Encoded(Uri.UnescapeDataString(path), keepSlash: true);
        while (path.Contains("//", StringComparison.Ordinal)) path = path.Replace("//", "/", StringComparison.Ordinal);
        return Encoded(path, keepSlash: true);
    }

    private static string CanonicalQuery(string query)
    {
        if (query.Length == 0) return "";
        var pairs = query.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(pair =>
        {
            var cut = pair.IndexOf('=', StringComparison.Ordinal);
            var (name, value) = cut < 0 ? (pair, "") : (pair[..cut], pair[(cut + 1)..]);
            return (Name: Encoded(Uri.UnescapeDataString(name), keepSlash: false), Value: Encoded(Uri.UnescapeDataString(value), keepSlash: false));
        });
        return string.Join('&', pairs.OrderBy(p => p.Name, StringComparer.Ordinal).ThenBy(p => p.Value, StringComparer.Ordinal).Select(p => $"{p.Name}={p.Value}"));
    }

    private static string Encoded(string text, bool keepSlash)
    {
        var built = new StringBuilder(text.Length + 16);
        foreach (var b in Encoding.UTF8.GetBytes(text))
        {
            var c = (char)b;
            if (char.IsAsciiLetterOrDigit(c) || c is '-' or '.' or '_' or '~' || (keepSlash && c == '/')) built.Append(c);
            else built.Append('%').Append(b.ToString("X2", CultureInfo.InvariantCulture));
        }
        return built.ToString();
    }

    private static string Collapsed(string value) => string.Join(' ', value.Split(' ', StringSplitOptions.RemoveEmptyEntries));
}
