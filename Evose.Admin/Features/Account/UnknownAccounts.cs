using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Account;

/// <summary>Locks e-mails that belong to nobody exactly as Identity locks accounts, so that a lock-out tells nobody who has one.</summary>
public sealed class UnknownAccounts(TimeProvider clock, IOptions<IdentityOptions> options)
{
    private const int Capacity = 10_000;
    private readonly Dictionary<string, (int Failures, DateTimeOffset Since, DateTimeOffset? LockedUntil)> _failures = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();

    /// <summary>Counts one more failure; the end of the lock when there is one.</summary>
    public DateTimeOffset? Fail(string normalizedEmail)
    {
        var now = clock.GetUtcNow();
        var rule = options.Value.Lockout;
        lock (_gate)
        {
            if (_failures.Count >= Capacity) MakeRoom(now);
            var (failures, since, until) = _failures.GetValueOrDefault(normalizedEmail, (0, now, null));
            if (until > now) return until;
            if (until is not null) failures = 0;
            failures++;
            until = failures >= rule.MaxFailedAccessAttempts ? now + rule.DefaultLockoutTimeSpan : null;
            _failures[normalizedEmail] = (failures, since, until);
            return until;
        }
    }

    private void MakeRoom(DateTimeOffset now)
    {
        foreach (var key in _failures.Where(f => f.Value.LockedUntil is null || f.Value.LockedUntil <= now).Select(f => f.Key).ToList()) _failures.Remove(key);
        if (_failures.Count >= Capacity) _failures.Clear();
    }
}
