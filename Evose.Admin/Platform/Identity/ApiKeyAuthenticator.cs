using System.Security.Cryptography;
using Evose.Admin.Domain.Access;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Identity;

/// <summary>Finds the API key a request carries: checksum first, then the catalogue, then a constant-time comparison of keyed hashes. Never the database.</summary>
public sealed class ApiKeyAuthenticator(SecretVault vault, ApiKeyUses uses, TimeProvider clock)
{
    /// <summary>Headers in which SDKs put their key.</summary>
    private static readonly string[] KeyHeaders = ["x-api-key", "x-goog-api-key", "api-key"];

    /// <summary>The key's text from <c>Authorization: Bearer</c> or, for the broker, from where an SDK puts its own.</summary>
    public static string? TokenOf(HttpRequest request, bool sdkHeaders)
    {
        var authorization = request.Headers.Authorization.ToString();
        if (authorization.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return authorization.AsSpan(7).Trim().ToString();
        if (!sdkHeaders) return null;
        foreach (var header in KeyHeaders)
            if (request.Headers.TryGetValue(header, out var value) && value.Count == 1) return value[0];
        return null;
    }

    /// <summary>The row of the key, live or not; null when there is none.</summary>
    public ApiKey? Find(CatalogSnapshot catalog, string? token)
    {
        if (!ApiKeyToken.TryPublicId(token, out var publicId)) return null;
        // A key given by the operator at the first start may be of another form; only a known id excuses a wrong checksum.
        if (!catalog.ApiKeys.TryGetValue(publicId, out var key)) return null;
        if (!Fits(token, key.Hash)) return null;
        var now = clock.GetUtcNow();
        if (key.IsLive(now)) uses.Note(key.Id, now);
        return key;
    }

    // The hash is of the master key under which the key was issued: the newest first.
    private bool Fits(ReadOnlySpan<char> token, byte[] stored)
    {
        Span<byte> hash = stackalloc byte[SecretVault.MacSize];
        for (var generation = vault.NewestGeneration; generation >= 1; generation--)
        {
            vault.ApiKeyHash(token, hash, generation);
            if (CryptographicOperations.FixedTimeEquals(hash, stored)) return true;
        }
        return false;
    }
}
