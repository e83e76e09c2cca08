using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text.Json;
using Evose.Admin.Domain;
using Microsoft.AspNetCore.DataProtection;

namespace Evose.Admin.Platform.Web;

/// <summary>
/// Lets a page prepare an act whose answer must not travel over the circuit: the input goes into a sealed ticket, the page's script redeems it over HTTP and gets the answer.
/// A ticket is good for one act, one person, five minutes and one run of the app.
/// </summary>
public sealed class OneTimeTickets
{
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    private readonly IDataProtector _protector;
    private readonly TimeProvider _clock;
    private readonly ConcurrentDictionary<Guid, DateTimeOffset> _redeemed = new();

    public OneTimeTickets(IDataProtectionProvider protection, TimeProvider clock)
    {
        _clock = clock;
        // What was redeemed is remembered in memory, so tickets of an earlier run must not be readable.
        _protector = protection.CreateProtector("evose/one-time-ticket", Convert.ToHexString(RandomNumberGenerator.GetBytes(16)));
    }

    public string Issue<TInput>(Actor actor, TInput input)
    {
        var now = _clock.GetUtcNow();
        return _protector.CreateProtector(Purpose<TInput>()).Protect(JsonSerializer.Serialize(new Ticket<TInput>(Guid.CreateVersion7(now), actor.Id, now + Life, input), JsonSerializerOptions.Default));
    }

    /// <summary>The input, when the ticket is ours, for this act and this person, and neither used nor too old. Redeeming uses it up, whatever becomes of the act.</summary>
    public Outcome<TInput> Redeem<TInput>(Actor actor, string? text)
    {
        var now = _clock.GetUtcNow();
        foreach (var (id, end) in _redeemed)
            if (end <= now) _redeemed.TryRemove(id, out _);

        if (actor.Kind != ActorKind.User || Read<TInput>(text) is not { } ticket || ticket.UserId != actor.Id || ticket.ExpiresAt <= now || !_redeemed.TryAdd(ticket.Id, ticket.ExpiresAt))
            return Problem.Forbidden("ticket", "This form was already sent, is older than five minutes, or belongs to somebody else. Open it again.");
        return Outcome<TInput>.Of(ticket.Input);
    }

    private Ticket<TInput>? Read<TInput>(string? text)
    {
        if (string.IsNullOrEmpty(text)) return null;
        try
        {
            return JsonSerializer.Deserialize<Ticket<TInput>>(_protector.CreateProtector(Purpose<TInput>()).Unprotect(text), JsonSerializerOptions.Default);
        }
        catch (Exception e) when (e is CryptographicException or FormatException)
        {
            return null;
        }
    }

    private static string Purpose<TInput>() => typeof(TInput).FullName!;

    private sealed record Ticket<TInput>(Guid Id, Guid UserId, DateTimeOffset ExpiresAt, TInput Input);
}

/// <summary>The body of a request that redeems a ticket.</summary>
public sealed record TicketBody(string? Ticket);
