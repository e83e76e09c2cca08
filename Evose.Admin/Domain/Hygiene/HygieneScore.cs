using System.Globalization;

namespace Evose.Admin.Domain.Hygiene;

/// <summary>How many findings are open, by severity.</summary>
public readonly record struct HygieneCounts(int High, int Medium, int Low)
{
    public int All => High + Medium + Low;

    public static HygieneCounts operator +(HygieneCounts a, HygieneCounts b) => new(a.High + b.High, a.Medium + b.Medium, a.Low + b.Low);

    /// <summary>The gravest that is open; null when none is.</summary>
    public HygieneSeverity? Worst => High > 0 ? HygieneSeverity.High : Medium > 0 ? HygieneSeverity.Medium : Low > 0 ? HygieneSeverity.Low : null;

    public static HygieneCounts Of(IEnumerable<HygieneSeverity> severities)
    {
        var counts = new HygieneCounts();
        foreach (var s in severities) counts += s switch { HygieneSeverity.High => new(1, 0, 0), HygieneSeverity.Medium => new(0, 1, 0), HygieneSeverity.Low => new(0, 0, 1) };
        return counts;
    }
}

/// <summary>
/// A number from 0 to 100 that anybody can recompute. Every credential and tool begins with 100 points; an open finding takes 30, 12 or 4 of them by its severity; the score is the mean of what is left, rounded down.
/// While a finding of high severity is open it is at most 70, of medium severity at most 90: many tidy keys do not hide one that is about to hurt.
/// </summary>
/// <param name="Subjects">Credentials and tools that were judged.</param>
/// <param name="Lost">Points taken, over all subjects.</param>
/// <param name="Mean">Before the cap.</param>
/// <param name="Cap">100 when nothing caps it.</param>
public sealed record HygieneScore(int Value, int Subjects, HygieneCounts Open, int Lost, int Mean, int Cap)
{
    public static HygieneScore Of(int subjects, HygieneCounts open)
    {
        var lost = (open.High * Weight(HygieneSeverity.High)) + (open.Medium * Weight(HygieneSeverity.Medium)) + (open.Low * Weight(HygieneSeverity.Low));
        // A finding may be of a subject that came after the last count.
        var judged = open.All > 0 ? Math.Max(1, subjects) : subjects;
        var mean = judged == 0 ? 100 : (int)Math.Max(0L, Math.Floor(100 - ((double)lost / judged)));
        var cap = CapOf(open.Worst);
        return new HygieneScore(Math.Min(mean, cap), judged, open, lost, mean, cap);
    }

    /// <summary>Points that one open finding takes.</summary>
    public static int Weight(HygieneSeverity severity) => severity switch { HygieneSeverity.High => 30, HygieneSeverity.Medium => 12, HygieneSeverity.Low => 4 };

    /// <summary>The most that a score can be while a finding of this severity is open.</summary>
    public static int CapOf(HygieneSeverity? worst) => worst switch { HygieneSeverity.High => 70, HygieneSeverity.Medium => 90, _ => 100 };

    /// <summary>How the number came about, line by line.</summary>
    public IReadOnlyList<string> Arithmetic()
    {
        if (Subjects == 0) return ["There is no credential and no tool yet, so nothing counts against the score: 100."];
        List<string> lines = [string.Create(CultureInfo.InvariantCulture, $"{(Subjects == 1 ? "1 credential or tool" : $"{Subjects:N0} credentials and tools")} × 100 points = {Subjects * 100L:N0} points")];
        foreach (var (severity, count) in new[] { (HygieneSeverity.High, Open.High), (HygieneSeverity.Medium, Open.Medium), (HygieneSeverity.Low, Open.Low) })
            if (count > 0) lines.Add(string.Create(CultureInfo.InvariantCulture, $"{count:N0} × {severity.ToString().ToLowerInvariant()} × {Weight(severity)} points = −{count * (long)Weight(severity):N0}"));
        lines.Add(string.Create(CultureInfo.InvariantCulture, $"{Math.Max(0, (Subjects * 100L) - Lost):N0} points left ÷ {Subjects:N0} = {Mean}"));
        if (Cap < Mean) lines.Add(string.Create(CultureInfo.InvariantCulture, $"A finding of {Open.Worst!.Value.ToString().ToLowerInvariant()} severity is open, so at most {Cap}"));
        return lines;
    }
}
