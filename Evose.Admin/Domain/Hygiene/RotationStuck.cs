using System.Globalization;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>A rotation that nobody went on with: a new value that waits for a week, or an old one that should have gone two days ago.</summary>
internal static class RotationStuck
{
    private static readonly TimeSpan Waiting = TimeSpan.FromDays(7);
    private static readonly TimeSpan Overdue = TimeSpan.FromDays(2);

    public static readonly HygieneRule Rule = new("rotation-stuck", HygieneSeverity.Medium, "A rotation that stands still",
        "Two values live where one should, and the next person cannot rotate. Go on with it, or discard the new value.", Find);

    private static IEnumerable<Observation> Find(HygieneSnapshot s, DateTimeOffset now)
    {
        foreach (var c in s.Credentials)
        {
            if (c.Rotation is not { } r) continue;
            if (r.RetireAt is null && now - r.StartedAt >= Waiting)
                yield return Of(c, $"A new value has been waiting since {HygieneWords.Day(r.StartedAt)}.", r);
            else if (r.RetireAt is { } due && now - due >= Overdue)
                yield return Of(c, $"The old version could have gone on {HygieneWords.Day(due)} and is held.", r);
        }
    }

    private static Observation Of(HygieneCredential c, string text, HygieneRotation r) =>
        new(Rule, HygieneSubject.Of(c), Rule.Severity, text, [(r.RetireAt ?? r.StartedAt).UtcTicks.ToString(CultureInfo.InvariantCulture)], HygieneFixPlace.Rotation);
}
