using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Brokering;

/// <summary>A keyed hash over parts of a request, as a <see cref="HmacRecipe"/> says. Fields are hashed from their bytes.</summary>
internal static class HmacSignature
{
    /// <summary>The value of the signature's header; null when the key is not written as the recipe says.</summary>
    public static string? Of(HmacRecipe recipe, HttpRequestMessage request, ReadOnlySpan<byte> body, DateTimeOffset now, Func<string, Plaintext> field)
    {
        using var key = KeyOf(recipe, field(recipe.Key));
        if (key is null) return null;
        var target = request.RequestUri!;
        using var mac = IncrementalHash.CreateHMAC(Named(recipe.Algorithm), key.Bytes);
        for (var i = 0; i < recipe.Parts.Count; i++)
        {
            if (i > 0) mac.AppendData(Encoding.UTF8.GetBytes(recipe.Separator));
            switch (recipe.Parts[i])
            {
                case "body":
                    mac.AppendData(body);
                    break;
                case "body_sha256":
                    mac.AppendData(Encoding.ASCII.GetBytes(Convert.ToHexStringLower(SHA256.HashData(body))));
                    break;
                case var part when part.StartsWith("field:", StringComparison.Ordinal):
                    mac.AppendData(field(part[6..]).Bytes);
                    break;
                case var part when part.StartsWith("header:", StringComparison.Ordinal):
                    mac.AppendData(Encoding.UTF8.GetBytes(HeaderOf(request, part[7..])));
                    break;
                case var part:
                    mac.AppendData(Encoding.UTF8.GetBytes(part switch
                    {
                        "method" => request.Method.Method,
                        "host" => RequestSigning.HostOf(target),
                        "path" => target.AbsolutePath,
                        "query" => target.Query.TrimStart('?'),
                        "path_query" => target.PathAndQuery,
                        _ => recipe.Write(now),
                    }));
                    break;
            }
        }
        var hash = mac.GetHashAndReset();
        var signature = recipe.AsBase64 ? Convert.ToBase64String(hash) : Convert.ToHexStringLower(hash);
        return string.Concat(recipe.FormatParts().Select(p => p switch
        {
            "{}" => signature,
            "{timestamp}" => recipe.Write(now),
            _ when p.StartsWith("{field:", StringComparison.Ordinal) => Encoding.UTF8.GetString(field(p[7..^1]).Bytes),
            _ => p,
        }));
    }

    /// <summary>Null when the key is not written as the recipe says.</summary>
    private static Plaintext? KeyOf(HmacRecipe recipe, Plaintext given)
    {
        if (recipe.KeyEncoding == "text") return Plaintext.CopyOf(given.Bytes);
        using var room = Plaintext.Allocate(given.Length);
        int written;
        if (recipe.KeyEncoding == "hex") return Convert.FromHexString(given.Bytes, room.Writable, out _, out written) == OperationStatus.Done ? Plaintext.CopyOf(room.Bytes[..written]) : null;
        return Base64.DecodeFromUtf8(given.Bytes, room.Writable, out _, out written) == OperationStatus.Done ? Plaintext.CopyOf(room.Bytes[..written]) : null;
    }

    private static HashAlgorithmName Named(string algorithm) => algorithm switch
    {
        "sha1" => HashAlgorithmName.SHA1,
        "sha384" => HashAlgorithmName.SHA384,
        "sha512" => HashAlgorithmName.SHA512,
        _ => HashAlgorithmName.SHA256,
    };

    private static string HeaderOf(HttpRequestMessage request, string name)
    {
        if (string.Equals(name, "host", StringComparison.OrdinalIgnoreCase)) return RequestSigning.HostOf(request.RequestUri!);
        if (request.Headers.NonValidated.TryGetValues(name, out var values)) return values.ToString();
        return request.Content?.Headers.NonValidated.TryGetValues(name, out var content) == true ? content.ToString() : "";
    }
}
