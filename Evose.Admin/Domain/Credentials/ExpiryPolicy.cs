namespace Evose.Admin.Domain.Credentials;

/// <summary>Pure: which reminder of an expiry date is due. A day is 24 hours, so time zones and clock changes do not matter.</summary>
public static class ExpiryPolicy
{
    /// <summary>Days before the date at which people are told; 0 is the date itself.</summary>
    public static readonly IReadOnlyList<int> DefaultLadder = [30, 14, 7, 3, 1, 0];

    private static readonly string[] Formats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>Reads a date in ISO 8601; null for null.</summary>
    public static Outcome<DateTimeOffset?> ParseDate(string? text, DateTimeOffset now)
    {
        const string Field = "expires_at";
        if (text is null) return (DateTimeOffset?)null;
        if (!DateTimeOffset.TryParseExact(text, Formats, System.Globalization.CultureInfo.InvariantCulture, System.Globalization.DateTimeStyles.AssumeUniversal | System.Globalization.DateTimeStyles.AdjustToUniversal, out var at))
            return Problem.Invalid(Field, "Write the date in ISO 8601, such as 2030-12-31T23:59:59Z.");
        return at > now ? at : Problem.Invalid(Field, "The expiry date must be in the future.");
    }

    public const int MaxSteps = 12;

    public const string LadderRule = "The ladder is 1 to 12 days from 365 to 0, each once, descending, such as 30, 14, 7, 3, 1, 0.";

    public static bool IsLadder(IReadOnlyList<int> steps) =>
        steps.Count is > 0 and <= MaxSteps && steps.All(d => d is >= 0 and <= 365) && steps.Zip(steps.Skip(1), (a, b) => a > b).All(descending => descending);

    /// <summary>Reads days as people write them, separated by commas or blanks; null for nothing written. False when it is no ladder.</summary>
    public static bool TryReadLadder(string? text, out IReadOnlyList<int>? ladder)
    {
        ladder = null;
        var parts = (text ?? "").Split([',', ' ', ';', '、', '，'], StringSplitOptions.RemoveEmptyEntries);
        if (parts.Length == 0) return true;
        var days = new List<int>();
        foreach (var part in parts)
        {
            if (!int.TryParse(part, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var day)) return false;
            days.Add(day);
        }
        ladder = days;
        return IsLadder(days);
    }

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
    public static string Key(Guid credentialId, DateTimeOffset expiresAt, int step) => Keys(credentialId, expiresAt) + step;

    /// <summary>What the keys of all reminders of one date begin with.</summary>
    public static string Keys(Guid credentialId, DateTimeOffset expiresAt) => $"expiry:{credentialId:N}:{expiresAt.UtcTicks}:";
}
