using System.Text.Json;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.OAuth;

namespace Evose.Admin.Features.Broker;

/// <summary>Sees to it that a call begins on an OAuth token that is alive, and notices when an upstream refuses one. Costs a call without such a token nothing but a look.</summary>
public sealed class LiveTokens(TokenKeeper keeper, OAuthProviders providers, TimeProvider clock)
{
    private const int MaxLookedInto = 8 * 1024;

    /// <param name="Renewed">Newer versions are in use: decide again.</param>
    /// <param name="Denial">Why the call cannot begin; null when it can.</param>
    /// <param name="Credential">Which one stands in the way.</param>
    public readonly record struct Readiness(bool Renewed, Denial? Denial = null, string? Credential = null);

    /// <summary>True when a token has ended, or ends before a call could be over with it.</summary>
    public bool AreDue(IReadOnlyList<ChosenVersion> versions)
    {
        for (var i = 0; i < versions.Count; i++)
            if (IsDue(versions[i], clock.GetUtcNow() + TokenLife.Margin)) return true;
        return false;
    }

    /// <summary>Waits for a new token where one is due. What is still alive is used when there is no new one.</summary>
    public async Task<Readiness> ReadyAsync(IReadOnlyList<ChosenVersion> versions, CancellationToken ct)
    {
        var renewed = false;
        foreach (var v in versions)
        {
            if (!IsDue(v, clock.GetUtcNow() + TokenLife.Margin)) continue;
            var renewal = await keeper.RenewAsync(v.CredentialId, v.Version, refused: false, ct);
            if (renewal == Renewal.Renewed) renewed = true;
            else if (IsDue(v, clock.GetUtcNow())) return new Readiness(false, renewal == Renewal.ConsentNeeded ? Denial.ConsentNeeded : Denial.TokenStale, v.Name);
        }
        return new Readiness(renewed);
    }

    /// <summary>True when one of the tokens could be renewed if the upstream refused it.</summary>
    public static bool AreRenewable(IReadOnlyList<ChosenVersion> versions)
    {
        for (var i = 0; i < versions.Count; i++)
            if (IsRenewable(versions[i])) return true;
        return false;
    }

    /// <summary>When the answer says that a token is over, gets a new one; true when there is one now.</summary>
    public async ValueTask<bool> RenewedAfterAsync(IReadOnlyList<ChosenVersion> versions, HttpResponseMessage answer, CancellationToken ct)
    {
        var renewed = false;
        foreach (var v in versions)
        {
            if (!IsRenewable(v) || !await IsRefusedAsync(v, answer, ct)) continue;
            renewed |= await keeper.RenewAsync(v.CredentialId, v.Version, refused: true, ct) == Renewal.Renewed;
        }
        return renewed;
    }

    private static bool IsDue(in ChosenVersion v, DateTimeOffset at) => v.Rules is { Type: CredentialType.OAuthToken, Active.ExpiresAt: { } end } && end <= at;

    private static bool IsRenewable(in ChosenVersion v) => v.Rules.Type == CredentialType.OAuthToken && !v.Rules.NeedsSignIn && v.Value.Fields.ContainsKey(TokenKeeper.RefreshField);

    private async ValueTask<bool> IsRefusedAsync(ChosenVersion v, HttpResponseMessage answer, CancellationToken ct)
    {
        if (answer.StatusCode == System.Net.HttpStatusCode.Unauthorized) return true;
        // Some say it in the body, with any status. Looked into only where the provider is known for it and the answer is small.
        if (providers.Find(v.Rules.Provider) is not { DeadTokenCodes.Count: > 0 } provider) return false;
        var head = answer.Content.Headers;
        if (head.ContentLength > MaxLookedInto || head.ContentEncoding.Count > 0 || head.ContentType?.MediaType?.Contains("json", StringComparison.OrdinalIgnoreCase) != true) return false;
        if (await PeekedContent.LookAsync(answer, MaxLookedInto, ct) is not { IsEmpty: false } body) return false;
        try
        {
            using var json = JsonDocument.Parse(body);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty(provider.DeadTokenMember, out var code)
                && provider.DeadTokenCodes.Contains(code.ValueKind == JsonValueKind.String ? code.GetString()! : code.GetRawText());
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
