using System.Collections.Frozen;
using System.Text.Json;
using System.Text.Json.Serialization;
using Evose.Admin.Domain.OAuth;

namespace Evose.Admin.Platform.OAuth;

/// <summary>How each known provider speaks OAuth 2, read once from the data file beside this class.</summary>
public sealed class OAuthProviders
{
    private const string File = "Evose.Admin.Platform.OAuth.oauth-providers.json";

    /// <summary>The record for providers that have none of their own.</summary>
    public const string Generic = "oauth2";

    private static readonly JsonSerializerOptions Format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    private readonly FrozenDictionary<string, OAuthProvider> _byId;

    public OAuthProviders()
    {
        using var stream = typeof(OAuthProviders).Assembly.GetManifestResourceStream(File) ?? throw new InvalidOperationException("the file of OAuth providers is not part of the app");
        All = JsonSerializer.Deserialize<List<OAuthProvider>>(stream, Format)!;
        _byId = All.ToFrozenDictionary(p => p.Id, StringComparer.Ordinal);
    }

    /// <summary>In the order in which people choose.</summary>
    public IReadOnlyList<OAuthProvider> All { get; }

    /// <summary>The record of that id; null for one that has none.</summary>
    public OAuthProvider? Find(string? id) => id is null ? null : _byId.GetValueOrDefault(id);

    /// <summary>The record by which an app is spoken for: its provider's, with what the operator said otherwise.</summary>
    public OAuthProvider Of(OAuthApp app) => (Find(app.Provider) ?? _byId[Generic]) with { AuthorizeUrl = app.AuthorizeUrl, TokenUrl = app.TokenUrl, Body = app.Body, ClientAuth = app.ClientAuth };
}
