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

    private const string Bearer = "Bearer ";

    /// <summary>The header that carries the key: <c>Authorization: Bearer</c> or, for the broker, the one in which an SDK puts its own. As the caller sent it; null when there is none.</summary>
    public static string? HeaderOf(HttpRequest request, bool sdkHeaders)
    {
        var authorization = request.Headers.Authorization is { Count: 1 } one ? one[0] : request.Headers.Authorization.ToString();
        if (authorization?.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) == true) return authorization;
        if (!sdkHeaders) return null;
        foreach (var header in KeyHeaders)
            if (request.Headers.TryGetValue(header, out var value) && value.Count == 1) return value[0];
        return null;
    }

    /// <summary>The row of the key, live or not; null when there is none.</summary>
    /// <param name="header">See <see cref="HeaderOf"/>.</param>
    /// <param name="memory">What the caller's connection said before.</param>
    public ApiKey? Find(CatalogSnapshot catalog, string? header, KnownCaller? memory = null)
    {
        if (header is null) return null;
        var known = memory?.KeyIn(header);
        if (known is null && !ApiKeyToken.TryPublicId(TokenIn(header), out known)) return null;
        // A key given by the operator at the first start may be of another form; only a known id excuses a wrong checksum.
        if (!catalog.ApiKeys.TryGetValue(known, out var key)) return null;
        if (memory?.HasProven(header, key.Hash) != true)
        {
            if (!Fits(TokenIn(header), key.Hash)) return null;
            memory?.Prove(header, known, key.Hash);
        }
        var now = clock.GetUtcNow();
        if (key.IsLive(now)) uses.Note(key.Id, now);
        return key;
    }

    private static ReadOnlySpan<char> TokenIn(string header) =>
        header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? header.AsSpan(Bearer.Length).Trim() : header;

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
