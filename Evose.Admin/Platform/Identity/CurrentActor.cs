using System.Security.Claims;
using Evose.Admin.Domain;
using Microsoft.AspNetCore.Components.Authorization;

namespace Evose.Admin.Platform.Identity;

/// <summary>Who acts, from a request or a circuit.</summary>
public static class CurrentActor
{
    public const string KeyIdClaim = "evose:api-key";

    public static Actor Of(HttpContext context) => Of(context.User, context.Connection.RemoteIpAddress?.ToString(), context.TraceIdentifier);

    public static async Task<Actor> OfAsync(Task<AuthenticationState>? state) => state is null ? Actor.Nobody : Of((await state).User, null, null);

    public static Actor Of(ClaimsPrincipal user, string? ip, string? requestId)
    {
        if (user.FindFirstValue(KeyIdClaim) is { } key) return new Actor(ActorKind.ApiKey, Guid.Parse(key), user.Identity?.Name ?? "API key", ip, requestId);
        return Guid.TryParse(user.FindFirstValue(ClaimTypes.NameIdentifier), out var id)
            ? new Actor(ActorKind.User, id, user.Identity?.Name ?? "", ip, requestId)
            : Actor.Nobody with { Ip = ip, RequestId = requestId };
    }
}
