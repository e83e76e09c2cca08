using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.OAuth;

/// <summary>
/// Speaks OAuth 2 with any provider by its record: where a person is sent, the exchange of a code, the refresh of a token. Goes through the outbound guard, follows nothing, and keeps no text of an answer.
/// </summary>
public sealed class OAuthConnector(OutboundClient outbound, TimeProvider clock)
{
    /// <summary>How long a token endpoint may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);

    private const int MaxAnswer = 128 * 1024;

    /// <summary>Where the browser goes to sign in.</summary>
    /// <param name="challenge">The S256 challenge of the verifier.</param>
    public static Uri AuthorizeUrl(OAuthProvider provider, OAuthApp app, string redirectUri, string state, string challenge)
    {
        var query = new List<(string Name, string Value)> { ("response_type", "code"), ("client_id", app.ClientId), ("redirect_uri", redirectUri) };
        if (app.Scopes.Length > 0) query.Add(("scope", app.Scopes.Replace(" ", provider.ScopeSeparator, StringComparison.Ordinal)));
        query.Add(("state", state));
        if (provider.SendsPkce) query.AddRange([("code_challenge", challenge), ("code_challenge_method", "S256")]);
        query.AddRange(provider.AuthorizeParameters.Select(p => (p.Key, p.Value)));
        var url = provider.AuthorizeUrl;
        return new Uri(url + (url.Contains('?', StringComparison.Ordinal) ? '&' : '?') + string.Join('&', query.Select(q => q.Name + "=" + Uri.EscapeDataString(q.Value))));
    }

    public static string Challenge(ReadOnlySpan<byte> verifier) => Base64Url.EncodeToString(SHA256.HashData(verifier));

    public async Task<TokenAnswer> ExchangeAsync(OAuthProvider provider, OAuthApp app, Plaintext? secret, Plaintext code, string redirectUri, Plaintext verifier, Guid workspaceId, CancellationToken ct)
    {
        using var grant = Text("authorization_code");
        using var redirect = Text(redirectUri);
        var members = new List<(string, Plaintext)> { (provider.Names.GrantType, grant), (provider.Names.Code, code) };
        if (provider.SendsRedirectUri) members.Add((provider.Names.RedirectUri, redirect));
        if (provider.SendsPkce) members.Add((provider.Names.Verifier, verifier));
        return await SendAsync(provider, app, secret, members, workspaceId, ct);
    }

    public async Task<TokenAnswer> RefreshAsync(OAuthProvider provider, OAuthApp app, Plaintext? secret, Plaintext refreshToken, Guid workspaceId, CancellationToken ct)
    {
        using var grant = Text("refresh_token");
        return await SendAsync(provider, app, secret, [(provider.Names.GrantType, grant), (provider.Names.RefreshToken, refreshToken)], workspaceId, ct);
    }

    private async Task<TokenAnswer> SendAsync(OAuthProvider provider, OAuthApp app, Plaintext? secret, IReadOnlyList<(string, Plaintext)> members, Guid workspaceId, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        using var request = TokenRequest.Make(provider, app, secret, members);
        try
        {
            using var response = await outbound.For(workspaceId).SendAsync(request.Message, either.Token);
            using var body = await ReadAsync(response.Content, either.Token);
            return TokenReading.Read(provider, (int)response.StatusCode, body);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            var reason = OutboundFailures.Reason(e);
            // What never left has used nothing up.
            return TokenAnswer.Failed(reason switch { "egress" => TokenFault.Misconfigured, "dns" or "refused" or "tls" => TokenFault.Transient, _ => TokenFault.Unknown }, reason);
        }
    }

    // Pinned memory all the way: the answer is the token.
    private static async Task<Plaintext> ReadAsync(HttpContent content, CancellationToken ct)
    {
        using var room = Plaintext.Allocate(MaxAnswer);
        await using var stream = await content.ReadAsStreamAsync(ct);
        var length = 0;
        int n;
        while (length < room.Length && (n = await stream.ReadAsync(room.WritableMemory[length..], ct)) > 0) length += n;
        return Plaintext.CopyOf(room.Bytes[..length]);
    }

    private static Plaintext Text(string text) => Plaintext.CopyOf(Encoding.UTF8.GetBytes(text));
}
