using System.Runtime.InteropServices;
using System.Text.Json;
using System.Threading.RateLimiting;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Leaks;

/// <summary>
/// GitHub's webhook for secret-scanning alerts. What is signed is taken: a value of ours in it opens a report about its credential, an alert without one a report of the organization.
/// Events and actions that say nothing new are answered 202 and left alone; what is not signed is 401 and audited.
/// </summary>
public sealed class TakeGitHubAlert(IDbContextFactory<AdminDb> dbs, SecretVault vault, LeakMatcher matcher, LeakDesk desk, IOptions<LeaksOptions> options, TimeProvider clock) : IDisposable
{
    private const string AlertEvent = "secret_scanning_alert";
    private const int MaxText = 300;

    private static readonly Actor GitHub = Actor.Job("github");

    // Anybody can send here: refusals are on record, but not at a rate that would fill it.
    private readonly TokenBucketRateLimiter _refusals = new(new() { TokenLimit = 60, TokensPerPeriod = 1, ReplenishmentPeriod = TimeSpan.FromSeconds(1), QueueLimit = 0 });

    public async Task<IResult> AnswerAsync(HttpContext context)
    {
        var ct = context.RequestAborted;
        if (vault.IsSealed) return ApiResults.Of(Problem.Sealed);
        if ((await TextBody.ReadRawAsync(context.Request, ct)).Failed(out var tooLarge, out var body)) return ApiResults.Of(tooLarge);
        using (body)
        {
            // Not set up: there is nothing that anybody could have tried to get into.
            if (options.Value.GitHubSecret is not { Length: > 0 } secret) return ApiResults.Of(Problem.Unauthorized("The signature is missing or wrong."));
            if (!GitHubSignature.IsValid(secret, body.Bytes, context.Request.Headers["X-Hub-Signature-256"]))
            {
                await RefusedAsync(context, ct);
                return ApiResults.Of(Problem.Unauthorized("The signature is missing or wrong."));
            }
            if (context.Request.Headers["X-GitHub-Event"] != AlertEvent) return Taken(0);
            try
            {
                using var document = JsonDocument.Parse(body.WritableMemory, new JsonDocumentOptions { MaxDepth = 64 });
                var root = document.RootElement;
                // What became of an alert, and actions that do not exist yet, are no leak.
                if (Text(root, "action") is not ("created" or "reopened" or "publicly_leaked")) return Taken(0);
                return Taken(await TakeAsync(root, body, ct));
            }
            catch (JsonException)
            {
                return ApiResults.Of(Problem.Malformed("The body is not valid JSON."));
            }
        }
    }

    private static IResult Taken(int reports) => ApiResults.Ok(new { reports }, StatusCodes.Status202Accepted);

    private async Task RefusedAsync(HttpContext context, CancellationToken ct)
    {
        if (!_refusals.AttemptAcquire().IsAcquired) return;
        await using var db = await dbs.CreateDbContextAsync(ct);
        AuditTrail.Append(db, clock.GetUtcNow(), Actor.Nobody with { Ip = context.Connection.RemoteIpAddress?.ToString(), RequestId = context.TraceIdentifier }, AuditAction.LeakWebhookRefused, new AuditSubject(null, "github"),
            "The signature is missing or wrong.", AuditOutcome.Refused);
        await db.SaveChangesAsync(ct);
    }

    private async Task<int> TakeAsync(JsonElement root, Plaintext body, CancellationToken ct)
    {
        var alert = root.TryGetProperty("alert", out var a) && a.ValueKind == JsonValueKind.Object ? a : default;
        var where = Text(alert, "html_url") ?? Text(alert, "url") ?? (root.TryGetProperty("repository", out var r) ? Text(r, "full_name") : null) ?? "a repository";
        var kind = Text(alert, "secret_type_display_name") ?? Text(alert, "secret_type") ?? "a secret";
        var seen = new Sighting(LeakSource.GitHub, where, $"GitHub calls it {kind}.", DateTimeOffset.TryParse(Text(alert, "created_at"), System.Globalization.CultureInfo.InvariantCulture, out var since) ? since : null);
        var fingerprints = matcher.FingerprintsOf(body.Bytes)!;
        // The value itself, where it is sent, without what JSON escapes in it.
        if (alert.ValueKind == JsonValueKind.Object && alert.TryGetProperty("secret", out var s) && s.ValueKind == JsonValueKind.String)
        {
            using var value = TextBody.Unquoted(JsonMarshal.GetRawUtf8Value(s));
            for (var g = 1; g <= vault.NewestGeneration; g++) fingerprints.TryAdd(vault.Fingerprint(value.Bytes, g), 0);
        }
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var matches = await LeakMatcher.FindAsync(db, fingerprints, ct);
        foreach (var match in matches) await desk.OpenAsync(db, GitHub, match.CredentialId, match.Version, seen, ct);
        if (matches.Count == 0) await desk.OpenUnknownAsync(db, GitHub, seen, ct);
        AuditTrail.Append(db, clock.GetUtcNow(), GitHub, AuditAction.LeakWebhookReceived, new AuditSubject(null, "github"), $"{where}: {(matches.Count == 0 ? "no value of ours in it" : "a value of ours")}.");
        await write.CommitAsync(ct);
        return Math.Max(1, matches.Count);
    }

    // Somebody else's words: one line, not long, and nothing that looks like a secret.
    private static string? Text(JsonElement of, string name)
    {
        if (of.ValueKind != JsonValueKind.Object || !of.TryGetProperty(name, out var found) || found.ValueKind != JsonValueKind.String) return null;
        var text = found.GetString()!;
        if (text.Length > MaxText) text = text[..MaxText];
        return Domain.Templates.PlaintextDetector.Find(text) is null && FreeText.Refuse(text, MaxText, required: true) is null ? text : null;
    }

    public void Dispose() => _refusals.Dispose();
}
