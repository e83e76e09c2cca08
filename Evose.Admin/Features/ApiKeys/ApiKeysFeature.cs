using System.Globalization;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>Wires layer-1 keys: REST, and the endpoints that show a new key to the person who made it without the circuit.</summary>
public static class ApiKeysFeature
{
    public const string IssueTicketPath = UiGroup.Prefix + "/api-keys";
    public const string RotateTicketPath = UiGroup.Prefix + "/api-keys/rotation";

    public static IServiceCollection AddApiKeys(this IServiceCollection services)
    {
        services.AddSingleton<ApiKeyGate>();
        services.AddSingleton<IssueApiKey>();
        services.AddSingleton<RotateApiKey>();
        services.AddSingleton<RevokeApiKey>();
        services.AddSingleton<ApiKeyListQuery>();
        services.AddSingleton<IssueFormQuery>();
        return services;
    }

    /// <param name="ExpiresAt">Left out: after 90 days. Null: never.</param>
    public sealed record IssueBody(string? Name, IReadOnlyList<string?>? Scopes, IReadOnlyList<string?>? Workspaces, string? Agent, JsonElement ExpiresAt, JsonElement IpAllowlist, JsonElement RateLimit);

    /// <param name="OldExpiresIn">Seconds that the old key still works; left out: 24 hours.</param>
    public sealed record RotateBody(JsonElement OldExpiresIn);

    public static void MapApiKeys(this RouteGroupBuilder api)
    {
        api = api.MapGroup("/api-keys").WithTags("API keys");
        api.MapPost("", async (IssueBody body, IssueApiKey issue, HttpContext context) =>
            Read(body).Failed(out var problem, out var input) ? ApiResults.Of(problem)
                : ApiResults.Of(await issue.ExecuteAsync(context.Caller(), input, context.RequestAborted), k => k.Shape(), StatusCodes.Status201Created)).WithSummary("Issue a key. The key itself is only in this answer.");
        api.MapGet("", async (string? status, string? workspace, int? limit, string? cursor, ApiKeyListQuery list, HttpContext context) =>
            ReadStatus(status).Failed(out var problem, out var wanted) ? ApiResults.Of(problem)
                : ApiResults.Of(await list.RunAsync(context.Caller(), new ApiKeyListQuery.Filter(wanted, workspace, limit, cursor), context.RequestAborted), p => p.Select(Shape))).WithSummary("List keys, without the keys themselves.");
        api.MapDelete("/{id}", async (string id, RevokeApiKey revoke, HttpContext context) =>
            ApiResults.Of(await revoke.ExecuteAsync(context.Caller(), id, context.RequestAborted),
                k => new { k.Id, k.Name, Prefix = ApiKeyToken.Prefix + k.PublicId, Status = ApiKeyStatus.Revoked, k.RevokedAt })).WithSummary("Revoke: refused from the next request on.");
        api.MapPost("/{id}/rotate", async (string id, RotateBody? body, RotateApiKey rotate, HttpContext context) =>
            ReadOverlap(body).Failed(out var problem, out var overlap) ? ApiResults.Of(problem)
                : ApiResults.Of(await rotate.ExecuteAsync(context.Caller(), new RotateApiKey.Input(id, overlap), context.RequestAborted), k => k.Shape(), StatusCodes.Status201Created)).WithSummary("Issue a successor with the same rights; the old key lives on for old_expires_in, a day when left out.");
    }

    /// <summary>The endpoints behind <c>ShowOnce</c>: the ticket says what to do, the answer holds the key.</summary>
    public static void MapApiKeyTickets(this RouteGroupBuilder ui)
    {
        ui.MapPost("/api-keys", async (TicketBody body, OneTimeTickets tickets, IssueApiKey issue, HttpContext context) =>
            tickets.Redeem<IssueApiKey.Input>(context.Caller(), body.Ticket).Failed(out var problem, out var input) ? ApiResults.Of(problem)
                : ApiResults.Of(await issue.ExecuteAsync(context.Caller(), input, context.RequestAborted), Once, StatusCodes.Status201Created));
        ui.MapPost("/api-keys/rotation", async (TicketBody body, OneTimeTickets tickets, RotateApiKey rotate, HttpContext context) =>
            tickets.Redeem<RotateApiKey.Input>(context.Caller(), body.Ticket).Failed(out var problem, out var input) ? ApiResults.Of(problem)
                : ApiResults.Of(await rotate.ExecuteAsync(context.Caller(), input, context.RequestAborted), Once, StatusCodes.Status201Created));
    }

    private static object Once(IssuedKey key) => new { Once = key.Text };

    private static object Shape(ApiKeyListQuery.Row r) =>
        new { r.Id, r.Name, r.Prefix, r.Scopes, r.Workspaces, r.Agent, r.Status, r.CreatedAt, r.CreatedBy, r.ExpiresAt, r.RevokedAt, r.LastUsedAt };

    private static Outcome<IssueApiKey.Input> Read(IssueBody body)
    {
        // A restriction that is not enforced must not be accepted: its owner would rely on it.
        if (IsGiven(body.IpAllowlist)) return Problem.Invalid("ip_allowlist", "Address lists are not supported yet, so the key was not issued. Leave ip_allowlist out.");
        if (IsGiven(body.RateLimit)) return Problem.Invalid("rate_limit", "Rate limits per key are not supported yet, so the key was not issued. Leave rate_limit out.");
        IssueApiKey.Term? ends = null;
        switch (body.ExpiresAt.ValueKind)
        {
            case JsonValueKind.Undefined:
                break;
            case JsonValueKind.Null:
                ends = IssueApiKey.Term.Never;
                break;
            case JsonValueKind.String when body.ExpiresAt.GetString() is { Length: <= 40 } text && SaysZone(text) && body.ExpiresAt.TryGetDateTimeOffset(out var at):
                ends = new IssueApiKey.Term(at.ToUniversalTime());
                break;
            default:
                return Problem.Invalid("expires_at", "Give a moment with its time zone, such as 2030-01-31T00:00:00Z, or null for no end.");
        }
        return new IssueApiKey.Input(body.Name, body.Scopes, body.Workspaces, body.Agent, ends);
    }

    private static Outcome<ApiKeyStatus?> ReadStatus(string? status) => status switch
    {
        null or "" => (ApiKeyStatus?)null,
        "live" => ApiKeyStatus.Live,
        "expired" => ApiKeyStatus.Expired,
        "revoked" => ApiKeyStatus.Revoked,
        _ => Problem.Malformed("status must be live, expired or revoked."),
    };

    private static Outcome<TimeSpan?> ReadOverlap(RotateBody? body)
    {
        if (body is null || body.OldExpiresIn.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null) return (TimeSpan?)null;
        if (body.OldExpiresIn.ValueKind == JsonValueKind.Number && body.OldExpiresIn.TryGetInt32(out var seconds)) return (TimeSpan?)TimeSpan.FromSeconds(seconds);
        if (body.OldExpiresIn.ValueKind == JsonValueKind.String && TimeSpan.TryParseExact(body.OldExpiresIn.GetString(), "c", CultureInfo.InvariantCulture, out var span)) return (TimeSpan?)span;
        return Problem.Invalid("old_expires_in", "Give whole seconds, such as 3600, or a span such as 1.00:00:00.");
    }

    private static bool IsGiven(JsonElement value) => value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    private static bool SaysZone(string text) => text.EndsWith('Z') || text.EndsWith('z') || (text.Length > 6 && text[^6] is '+' or '-' && text[^3] == ':');
}
