using System.Security.Claims;
using System.Text.Encodings.Web;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Identity;

/// <summary>The scheme of the REST surface: a live API key as a bearer token. Cookies do not count there, so nothing there can be forged across sites.</summary>
public sealed class ApiKeyAuthenticationHandler(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, CredentialCatalog catalog, ApiKeyAuthenticator keys, SecretVault vault, TimeProvider clock)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "ApiKey";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (vault.IsSealed || ApiKeyAuthenticator.HeaderOf(Request, sdkHeaders: false) is not { } header) return AuthenticateResult.NoResult();
        var key = keys.Find(await catalog.CurrentAsync(Context.RequestAborted), header);
        if (key is null || !key.IsLive(clock.GetUtcNow())) return AuthenticateResult.Fail("unknown, expired or revoked key");
        var identity = new ClaimsIdentity([new(CurrentActor.KeyIdClaim, key.Id.ToString()), new(ClaimTypes.Name, key.Name)], SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    protected override Task HandleChallengeAsync(AuthenticationProperties properties) =>
        ApiResults.WriteAsync(Context, vault.IsSealed ? Problem.Sealed : Problem.Unauthorized("Give a live API key: Authorization: Bearer evk_…"));

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        ApiResults.WriteAsync(Context, Problem.Forbidden("scope", "This key's scopes do not allow this."));
}
