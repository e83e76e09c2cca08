namespace Evose.Admin.Domain.Credentials;

/// <summary>Pure: which reminder of an expiry date is due. A day is 24 hours, so time zones and clock changes do not matter.</summary>
public static class ExpiryPolicy
{
    /// <summary>Days before the date at which people are told; 0 is the date itself.</summary>
    public static readonly IReadOnlyList<int> DefaultLadder = [30, 14, 7, 3, 1, 0];

    /// <summary>The smallest step reached, or null. Steps that were skipped meanwhile are not made up for: only the nearest one matters to a person.</summary>
    public static int? DueStep(DateTimeOffset expiresAt, IReadOnlyList<int> ladder, DateTimeOffset now)
    {
        var left = expiresAt - now;
        int? due = null;
        foreach (var days in ladder)
            if (left <= TimeSpan.FromDays(days) && (due is null || days < due)) due = days;
        return due;
    }

    /// <summary>What makes a reminder unique. The date is part of it, so that a changed date starts the ladder anew.</summary>
    public static string Key(Guid credentialId, DateTimeOffset expiresAt, int step) => $"expiry:{credentialId:N}:{expiresAt.UtcTicks}:{step}";
}
