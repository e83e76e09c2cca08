using System.Globalization;
using System.Text.Json;
using System.Xml;
using Evose.Admin.Domain;

namespace Evose.Admin.Features.Rotation;

/// <summary>Reads a grace period as automation writes it: <c>1.00:00:00</c>, <c>24:00:00</c>, <c>PT24H</c>, or a number of seconds; 0 to 30 days.</summary>
public static class Grace
{
    private const string Field = "grace";

    /// <summary>Null when none was given.</summary>
    public static Outcome<TimeSpan?> Read(JsonElement? given) => given switch
    {
        null or { ValueKind: JsonValueKind.Null or JsonValueKind.Undefined } => (TimeSpan?)null,
        { ValueKind: JsonValueKind.Number } number => number.TryGetDouble(out var seconds) ? FromSeconds(seconds) : Unreadable,
        { ValueKind: JsonValueKind.String } text => Parse(text.GetString()!),
        _ => Unreadable,
    };

    public static Outcome<TimeSpan?> Parse(string text)
    {
        text = text.Trim();
        if (text.Length is 0 or > 40) return Unreadable;
        if (double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var seconds)) return FromSeconds(seconds);
        if (text[0] is 'P') return FromIso(text);
        return FromClock(text);
    }

    /// <summary>Why this grace cannot be set, or null.</summary>
    public static Problem? Refuse(TimeSpan grace) =>
        grace < TimeSpan.Zero || grace > RotationOptions.LongestGrace ? Problem.Invalid(Field, "The grace period must be 0 to 30 days.") : null;

    private static Outcome<TimeSpan?> FromSeconds(double seconds) =>
        seconds >= 0 && seconds <= RotationOptions.LongestGrace.TotalSeconds ? (TimeSpan?)TimeSpan.FromSeconds(seconds) : Problem.Invalid(Field, "The grace period must be 0 to 30 days.");

    private static Outcome<TimeSpan?> FromIso(string text)
    {
        try
        {
            return (TimeSpan?)XmlConvert.ToTimeSpan(text);
        }
        catch (Exception e) when (e is FormatException or OverflowException)
        {
            return Unreadable;
        }
    }

    // TimeSpan.Parse would read 24:00:00 as 24 days.
    private static Outcome<TimeSpan?> FromClock(string text)
    {
        var parts = text.Split(':');
        if (parts.Length is not (2 or 3)) return Unreadable;
        var dayAndHour = parts[0].Split('.');
        if (dayAndHour.Length > 2) return Unreadable;
        Span<int> numbers = [0, 0, 0, 0];
        if (dayAndHour.Length == 2 && !Number(dayAndHour[0], out numbers[0])) return Unreadable;
        if (!Number(dayAndHour[^1], out numbers[1]) || !Number(parts[1], out numbers[2]) || (parts.Length == 3 && !Number(parts[2], out numbers[3]))) return Unreadable;
        return (TimeSpan?)new TimeSpan(numbers[0], numbers[1], numbers[2], numbers[3]);
    }

    private static bool Number(string text, out int number) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number < 10_000;

    private static Problem Unreadable => Problem.Invalid(Field, "The grace period is not one we can read. Write 1.00:00:00, PT24H, or a number of seconds.");
}
