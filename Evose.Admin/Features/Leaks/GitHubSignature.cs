using System.Security.Cryptography;
using System.Text;

namespace Evose.Admin.Features.Leaks;

/// <summary>Pure: <c>X-Hub-Signature-256</c> is <c>sha256=</c> and the HMAC-SHA256 of the raw body in hex.</summary>
public static class GitHubSignature
{
    private const string Prefix = "sha256=";

    public static bool IsValid(string secret, ReadOnlySpan<byte> body, string? header)
    {
        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        // What has another form is compared too, with nothing that it could be.
        var formed = header is not null && header.Length == Prefix.Length + (2 * given.Length) && header.StartsWith(Prefix, StringComparison.Ordinal)
            && Convert.FromHexString(header.AsSpan(Prefix.Length), given, out _, out var written) == System.Buffers.OperationStatus.Done && written == given.Length;
        Span<byte> expected = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), body, expected);
        return CryptographicOperations.FixedTimeEquals(expected, given) && formed;
    }
}
