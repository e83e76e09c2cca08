using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.OAuth;

/// <summary>What an operator says about an OAuth client; its secret goes another way.</summary>
/// <param name="Scopes">Separated by blanks; null is what the provider's record begins with.</param>
/// <param name="AuthorizeUrl">Null or empty: the provider's own, as with everything after it.</param>
/// <param name="Body"><c>form</c> or <c>json</c>.</param>
/// <param name="ClientAuth"><c>body</c> or <c>basic</c>.</param>
public sealed record OAuthAppInput(string? Provider, string? ClientId, string? Scopes = null, string? AuthorizeUrl = null, string? TokenUrl = null, string? Body = null, string? ClientAuth = null);

/// <summary>Reads, seals and opens the clients that organizations have at providers. A client that was changed outside the app, or put back to an older one, is not obeyed.</summary>
public sealed class OAuthApps(OAuthProviders providers, SecretVault vault, EgressGuard egress)
{
    private const string AppPurpose = "oauth-app";
    private const string SecretPurpose = "oauth-secret";

    /// <summary>The client, or what is wrong with it.</summary>
    public Outcome<OAuthApp> Read(OAuthAppInput input, int number)
    {
        var known = string.IsNullOrWhiteSpace(input.Provider) ? providers.Find(OAuthProviders.Generic) : providers.Find(input.Provider.Trim());
        if (known is null) return Problem.Invalid("provider", $"Say which provider it is: {string.Join(", ", providers.All.Select(p => p.Id))}.");
        var clientId = input.ClientId?.Trim() ?? "";
        if (FreeText.Refuse(clientId, 512, required: true) is { } badId) return Problem.Invalid("client_id", "The client id is not usable. " + badId);
        if (ReadUrl("authorize_url", input.AuthorizeUrl, known.AuthorizeUrl).Failed(out var bad, out var authorize)) return bad;
        if (ReadUrl("token_url", input.TokenUrl, known.TokenUrl).Failed(out bad, out var token)) return bad;
        if (FreeText.Refuse(input.Scopes, 2000) is { } badScopes) return Problem.Invalid("scopes", badScopes);
        var scopes = string.Join(' ', (input.Scopes ?? known.DefaultScopes).Split([' ', ',', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Distinct());
        OAuthBody? body = input.Body switch { null or "" => known.Body, "form" => OAuthBody.Form, "json" => OAuthBody.Json, _ => null };
        OAuthClientAuth? auth = input.ClientAuth switch { null or "" => known.ClientAuth, "body" => OAuthClientAuth.Body, "basic" => OAuthClientAuth.Basic, _ => null };
        if (body is null) return Problem.Invalid("body", "The token request's body is one of: form, json.");
        if (auth is null) return Problem.Invalid("client_auth", "The client says who it is in one of: body, basic.");
        return new OAuthApp(known.Id, clientId, authorize, token, body.Value, auth.Value, scopes, number);
    }

    /// <summary>For the audit trail: where secret and refresh token are sent, and as which client.</summary>
    public static string Describe(OAuthApp app) => $"{app.Provider}, client {app.ClientId}, tokens from {new Uri(app.TokenUrl).Authority}";

    public void Seal(TokenGrant grant, OAuthApp app) => grant.SealedApp = vault.SealBlob(AppPurpose, grant.Id.ToByteArray(true), JsonSerializer.SerializeToUtf8Bytes(app, JsonSerializerOptions.Default));

    public void SealSecret(TokenGrant grant, Plaintext? secret) => grant.SealedSecret = secret is null ? null : vault.SealBlob(SecretPurpose, grant.Id.ToByteArray(true), secret.Bytes);

    /// <summary>The client as it was given; null when there is none.</summary>
    /// <exception cref="IntegrityException">The row is not as the app wrote it.</exception>
    public OAuthApp? Open(TokenGrant grant)
    {
        if (grant.SealedApp is not { } @sealed) return null;
        using var json = vault.OpenBlob(AppPurpose, grant.Id.ToByteArray(true), @sealed);
        return JsonSerializer.Deserialize<OAuthApp>(json.Bytes, JsonSerializerOptions.Default);
    }

    /// <summary>The client's secret; the caller disposes it. Null for a client without one.</summary>
    public Plaintext? OpenSecret(TokenGrant grant) => grant.SealedSecret is { } @sealed ? vault.OpenBlob(SecretPurpose, grant.Id.ToByteArray(true), @sealed) : null;

    /// <summary>The newest number of the client that the audit trail holds: an app with another one is not the one that was saved last.</summary>
    public static async Task<int> NewestAsync(AdminDb db, TokenGrant grant, CancellationToken ct) =>
        await db.AuditEvents.Where(e => e.SubjectId == grant.Id && e.PolicyVersion != null).MaxAsync(e => e.PolicyVersion, ct) ?? 0;

    private Outcome<string> ReadUrl(string field, string? given, string known)
    {
        var text = given?.Trim() ?? "";
        if (text.Length == 0) text = known;
        if (text.Length == 0) return Problem.Invalid(field, "Give the address; the provider's documentation has it.");
        if (text.Length > 2048 || !Uri.TryCreate(text, UriKind.Absolute, out var uri)) return Problem.Invalid(field, "Give an absolute https address.");
        if (egress.CheckTarget(uri, uri.Port) is { } refused) return Problem.Invalid(field, refused.Message);
        return text;
    }
}
