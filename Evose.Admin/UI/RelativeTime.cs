using System.Globalization;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;

namespace Evose.Admin.UI;

/// <summary>A moment in words, its exact time beside it for whoever points at it.</summary>
/// <remarks>In plain code: a template leaves a line break after the words, and a sentence would have a blank before its full stop.</remarks>
public sealed class RelativeTime : ComponentBase
{
    [Parameter] public DateTimeOffset? At { get; set; }

    [Parameter] public string Never { get; set; } = "never";

    [Inject] private TimeProvider Clock { get; set; } = default!;

    protected override void BuildRenderTree(RenderTreeBuilder builder) => builder.AddContent(0, Of(At, Clock.GetUtcNow(), Never));

    /// <summary>The same without a component of its own: in a list of hundreds those are most of what a circuit keeps.</summary>
    internal static RenderFragment Of(DateTimeOffset? at, DateTimeOffset now, string never = "never") => builder =>
    {
        if (at is { } moment)
        {
            builder.OpenElement(0, "time");
            builder.AddAttribute(1, "datetime", moment.UtcDateTime.ToString("O", CultureInfo.InvariantCulture));
            builder.AddAttribute(2, "title", moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) + " UTC");
            builder.AddContent(3, Text(moment - now));
        }
        else
        {
            builder.OpenElement(4, "span");
            builder.AddAttribute(5, "class", "muted");
            builder.AddContent(6, never);
        }
        builder.CloseElement();
    };

    internal static string Text(TimeSpan distance)
    {
        var d = distance.Duration();
        if (d < TimeSpan.FromSeconds(45)) return distance > TimeSpan.Zero ? "in a moment" : "just now";
        var words = d switch
        {
            { TotalMinutes: < 90 } => $"{Math.Round(d.TotalMinutes)} min",
            { TotalHours: < 36 } => $"{Math.Round(d.TotalHours)} h",
            { TotalDays: < 60 } => $"{Math.Round(d.TotalDays)} days",
            _ => $"{Math.Round(d.TotalDays / 30)} months",
        };
        return distance > TimeSpan.Zero ? $"in {words}" : $"{words} ago";
    }
}
