using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.OAuth;

/// <summary>What a token endpoint gave: tokens, or why not. Disposing zeroes the tokens.</summary>
public sealed class TokenAnswer : IDisposable
{
    private TokenAnswer() { }

    public Plaintext? Access { get; private init; }

    /// <summary>Null when the answer brought none: then the one that is there stays good.</summary>
    public Plaintext? Refresh { get; private init; }

    public TimeSpan? ExpiresIn { get; private init; }

    public TimeSpan? RefreshExpiresIn { get; private init; }

    public string? Scopes { get; private init; }

    /// <summary>Null when there are tokens.</summary>
    public TokenFault? Fault { get; private init; }

    /// <summary>The provider's own word for the fault: short, and never anything of a request.</summary>
    public string? Code { get; private init; }

    public static TokenAnswer Of(Plaintext access, Plaintext? refresh, TimeSpan? expiresIn, TimeSpan? refreshExpiresIn, string? scopes) =>
        new() { Access = access, Refresh = refresh, ExpiresIn = expiresIn, RefreshExpiresIn = refreshExpiresIn, Scopes = scopes };

    public static TokenAnswer Failed(TokenFault fault, string? code) => new() { Fault = fault, Code = code };

    public void Dispose()
    {
        Access?.Dispose();
        Refresh?.Dispose();
    }
}
