using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Outbound;

namespace Evose.Admin.Platform.Probing;

/// <summary>A check before it is made: who is asked, where, and with which versions; does nothing.</summary>
/// <param name="Request">What is sent; null when there is nobody to ask.</param>
/// <param name="Versions">Whose values go along; empty when the value is in no version yet.</param>
/// <param name="Refusal">Why the check cannot be made, for a person; null when it can.</param>
/// <param name="RefusedBy">The rule that says so.</param>
public sealed record ProbePlan(Guid WorkspaceId, ToolRequest? Request, ProbePath Path, IReadOnlyList<ChosenVersion> Versions, string? Refusal = null, string? RefusedBy = null)
{
    /// <summary>The tool through which it goes; null when the provider is asked by its own record.</summary>
    public CatalogConsumer? Tool { get; init; }

    /// <summary>The record that says what the answer means; null when its status alone does.</summary>
    public ProviderRecord? Provider { get; init; }

    /// <summary>Where it goes, without query and values.</summary>
    public Uri? Target => Request is null ? null : RenderedRequest.TargetOf(Request, Path.Path);

    /// <summary>The check that the provider's record describes.</summary>
    /// <param name="credential">Name under which the placeholders are written.</param>
    /// <param name="destinations">Where the value may travel.</param>
    public static ProbePlan At(ProviderRecord provider, EgressGuard egress, Guid workspaceId, string credential, Destinations destinations, IReadOnlyList<ChosenVersion> versions)
    {
        if (provider.ProbeRequest(credential) is not { } config || CredentialCatalog.Compile(config) is not { } request)
            return new ProbePlan(workspaceId, null, default, versions, $"{provider.Name.En} has no request that checks a value. The first real call will tell.");
        var plan = new ProbePlan(workspaceId, request, default, versions) { Provider = provider };
        if (!destinations.Allows(plan.Target!))
            return plan with { Refusal = $"The value may not travel to {plan.Target!.IdnHost}, where {provider.Name.En} checks it. Add the host to its destinations if it should.", RefusedBy = Denial.Destination.Rule() };
        return egress.CheckTarget(plan.Target!, plan.Target!.Port) is { } guarded ? plan with { Refusal = guarded.Message, RefusedBy = EgressGuard.Rule } : plan;
    }
}

/// <summary>What one check showed, and a sentence that says how it is known. Neither holds anything of the value or of the answer's body.</summary>
public sealed record ProbeAnswer(VerifyResult Result, string Note);

/// <summary>Path and query of a check, below a tool's base URL.</summary>
/// <param name="Encoded">Null or empty for the base itself.</param>
public readonly record struct ProbePath(string? Encoded, QueryString Query)
{
    private const int MaxLength = 1024;

    public string Path => Encoded ?? "";

    public static Outcome<ProbePath> Read(string? text)
    {
        text = text?.Trim() ?? "";
        if (text.Length is 0 || text == "/") return default(ProbePath);
        if (FreeText.Refuse(text, MaxLength) is { } why) return Problem.Invalid("path", why);
        if (text.Contains('\\', StringComparison.Ordinal) || text.Contains('#', StringComparison.Ordinal) || text.Contains("://", StringComparison.Ordinal))
            return Problem.Invalid("path", "Write a path below the tool's base URL, such as /v1/models.");
        var mark = text.IndexOf('?', StringComparison.Ordinal);
        var (path, query) = mark < 0 ? (text, "") : (text[..mark], text[mark..]);
        var decoded = Uri.UnescapeDataString(path);
        if (decoded.Split('/', '\\').Any(step => step is "." or "..")) return Problem.Invalid("path", "The path may not hold '.' or '..' steps.");
        if (FreeText.Refuse(decoded, MaxLength) is { } unclean) return Problem.Invalid("path", unclean);
        return new ProbePath(path.Length == 0 ? "" : new Uri(new Uri("http://x/"), path.StartsWith('/') ? path : "/" + path).AbsolutePath, new QueryString(query));
    }
}
