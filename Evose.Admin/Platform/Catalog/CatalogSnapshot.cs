using System.Collections.Immutable;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Platform.Catalog;

/// <summary>What the data plane obeys, as of one stamp. Immutable; holds sealed bytes only.</summary>
public sealed record CatalogSnapshot(
    long Stamp,
    ImmutableDictionary<string, CatalogWorkspace> Workspaces,
    ImmutableDictionary<(Guid Workspace, ConsumerKind Kind, string Name), CatalogConsumer> Consumers,
    ImmutableDictionary<Guid, CatalogConsumer> ConsumersById,
    ImmutableDictionary<(Guid Workspace, string Name), CatalogCredential> Credentials,
    ImmutableDictionary<Guid, CatalogCredential> CredentialsById,
    ImmutableDictionary<string, ApiKey> ApiKeys)
{
    public static readonly CatalogSnapshot Empty = new(
        0,
        ImmutableDictionary.Create<string, CatalogWorkspace>(StringComparer.Ordinal),
        ImmutableDictionary<(Guid, ConsumerKind, string), CatalogConsumer>.Empty,
        ImmutableDictionary<Guid, CatalogConsumer>.Empty,
        ImmutableDictionary<(Guid, string), CatalogCredential>.Empty,
        ImmutableDictionary<Guid, CatalogCredential>.Empty,
        ImmutableDictionary.Create<string, ApiKey>(StringComparer.Ordinal));

    /// <summary>Workspaces that refuse calls with what was not updated: days before expiry from which on.</summary>
    public ImmutableDictionary<Guid, int> BlockDays { get; init; } = ImmutableDictionary<Guid, int>.Empty;

    /// <summary>True from the moment at which the credential's workspace refuses calls with it. Asks memory only.</summary>
    public bool IsBlocked(CatalogCredential credential, DateTimeOffset now) =>
        credential.ExpiresAt is not null && BlockDays.TryGetValue(credential.WorkspaceId, out var day) && ForcedUpdate.IsDue(credential.ExpiresAt, day, now);

    public CatalogConsumer? Find(Guid workspace, ConsumerKind kind, string name) => Consumers.GetValueOrDefault((workspace, kind, name));

    /// <summary>The credential that the name means in the workspace: its own, or one of the organization that is granted to it.</summary>
    public CatalogCredential? Find(Guid workspace, string credential) => Credentials.GetValueOrDefault((workspace, credential));
}

/// <summary>A workspace as the data plane knows it.</summary>
public sealed record CatalogWorkspace(Guid Id, string Slug);

/// <summary>A tool, agent or workflow as the data plane knows it.</summary>
/// <param name="Facts">What the access policy asks about it.</param>
/// <param name="Request">A tool's compiled request; null for agents and workflows.</param>
/// <param name="Tampered">The row is not as the app wrote it: refuse.</param>
public sealed record CatalogConsumer(Guid Id, Guid WorkspaceId, ConsumerKind Kind, string Name, ConsumerFacts Facts, ToolRequest? Request, bool Tampered);

/// <summary>A tool's request, compiled once per change.</summary>
/// <param name="Base">Absolute address; its path has no trailing slash.</param>
/// <param name="Credentials">Distinct names of the credentials that the templates name or that are attached.</param>
/// <param name="Attached">Those of them that travel by their own rules.</param>
public sealed record ToolRequest(
    Uri Base,
    string? Method,
    IReadOnlyList<(string Name, SecretTemplate Template)> Headers,
    IReadOnlyList<(string Name, SecretTemplate Template)> Query,
    SecretTemplate? Body,
    IReadOnlyList<string> Credentials,
    IReadOnlyList<string> Attached)
{
    /// <summary>The base as text without a trailing slash.</summary>
    public string Prefix { get; } = Base.AbsoluteUri.TrimEnd('/');

    /// <summary>The base's path when it holds placeholders; in <see cref="Base"/> they stand as text, so what is decided and recorded never holds a value.</summary>
    public SecretTemplate? Path { get; init; }

    /// <summary>Names of the credentials that the templates put into the address.</summary>
    public IReadOnlyList<string> InAddress => _inAddress ??= [.. Query.Select(q => q.Template).Concat(Path is null ? [] : [Path]).SelectMany(t => t.Placeholders).Select(p => p.Name).Distinct()];

    private IReadOnlyList<string>? _inAddress;

    /// <summary>Scheme, host and port of the base.</summary>
    public string Authority { get; } = Base.GetLeftPart(UriPartial.Authority);

    public bool IsHttp { get; } = Base.Scheme == Uri.UriSchemeHttp;

    /// <summary>The distinct values that the templates name, in the order in which they are opened.</summary>
    public IReadOnlyList<(string Name, string Field)> Values => _values ??=
        [.. Headers.Select(h => h.Template).Concat(Query.Select(q => q.Template)).Concat(Body is null ? [] : [Body]).Concat(Path is null ? [] : [Path]).SelectMany(t => t.Placeholders).Select(p => (p.Name, p.Field ?? Credential.MainField)).Distinct()];

    private IReadOnlyList<(string Name, string Field)>? _values;

    /// <summary>The tool itself says which codings of an answer it takes.</summary>
    public bool SetsAcceptEncoding { get; } = Headers.Any(h => string.Equals(h.Name.Replace('_', '-'), "Accept-Encoding", StringComparison.OrdinalIgnoreCase));

    private Uri? _latest;

    /// <summary>The address below the base. The latest one is kept: the calls of a tool mostly go to one path, and reading an address costs more than deciding on it.</summary>
    /// <param name="path">Encoded, without dot segments and query; empty or with a leading slash.</param>
    /// <remarks>With placeholders as they stand in the template.</remarks>
    public Uri At(string path)
    {
        var latest = _latest;
        if (latest?.OriginalString is { } text && text.Length == Prefix.Length + path.Length && text.EndsWith(path, StringComparison.Ordinal)) return latest;
        return _latest = new Uri(Prefix + path, UriKind.Absolute);
    }

    /// <summary>The path of a target as people wrote it, with its placeholders.</summary>
    public string Written(Uri target) => Path is null ? target.AbsolutePath : Path.ToString().TrimEnd('/') + target.AbsolutePath[Base.AbsolutePath.TrimEnd('/').Length..];
}

/// <summary>A credential as the data plane knows it: policy and the sealed bytes of the active version.</summary>
/// <param name="Active">Null when no version is active.</param>
/// <param name="Tampered">Scope or hosts are not as the app wrote them: refuse.</param>
public sealed record CatalogCredential(Guid Id, Guid WorkspaceId, string Name, Scope Scope, Destinations Destinations, CatalogVersion? Active, bool Tampered)
{
    public CredentialType Type { get; init; }

    public Injection Injection { get; init; } = Injection.None;

    public bool AllowInUrl { get; init; }

    /// <summary>Id of the provider's record; says how an answer is read, never where a value goes.</summary>
    public string? Provider { get; init; }

    /// <summary>By what an answer shows that the session is over.</summary>
    public SessionRules Session { get; init; } = SessionRules.Default;

    /// <summary>The site says that nobody is signed in.</summary>
    public bool NeedsSignIn { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Somebody stopped every use of it.</summary>
    public bool Frozen { get; init; }

    /// <summary>The workspaces that a credential of the organization is granted to.</summary>
    public IReadOnlyList<Guid> Grants { get; init; } = [];

    /// <summary>Whether it exists for the workspace.</summary>
    public bool IsFor(Guid workspace) => WorkspaceId == workspace || Grants.Contains(workspace);

    /// <summary>Whether it may stand where the tool puts it: in the address only when that was accepted.</summary>
    public bool MayStandIn(ToolRequest request) => AllowInUrl
        || !(request.InAddress.Contains(Name) || (request.Attached.Contains(Name) && Injection.Fields.Any(f => f.Place == FieldPlace.Query)));
}

/// <summary>A version's sealed bytes.</summary>
/// <param name="ExpiresAt">When the value itself ends, as its issuer says.</param>
public sealed record CatalogVersion(int Number, SealedValue Value, DateTimeOffset? ExpiresAt = null)
{
    /// <summary>See <see cref="CredentialVersion.Origin"/>.</summary>
    public int Origin { get; init; } = Number;
}
