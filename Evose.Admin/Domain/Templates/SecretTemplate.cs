using System.Diagnostics.CodeAnalysis;

namespace Evose.Admin.Domain.Templates;

/// <summary>Where a rendered template travels, which decides how it is encoded.</summary>
public enum TemplateSlot
{
    /// <summary>A header: as it is. The sender must still refuse line breaks.</summary>
    Header,

    /// <summary>One query value: its literals and its values are both URL-encoded.</summary>
    Query,

    /// <summary>Part of a path: values are encoded so that they stay inside of their segment, the literals are the path's own text.</summary>
    Path,

    /// <summary>A JSON text: values are escaped as the inside of a JSON string.</summary>
    JsonBody,

    /// <summary>A form: values are URL-encoded, the literals are the form's own text.</summary>
    FormBody,

    /// <summary>Any other text: as it is.</summary>
    TextBody,
}

/// <summary>Finds the opened value, as UTF-8, that a placeholder stands for; asked twice per placeholder and must answer the same.</summary>
public delegate ReadOnlySpan<byte> ValueSource<in TState>(TState state, Placeholder placeholder);

/// <summary>
/// A text with <c>{{credential:name}}</c> placeholders. Only text that people stored as configuration is ever parsed; text of callers is not,
/// and a value that was put in is never looked at again.
/// </summary>
public sealed class SecretTemplate
{
    public const int MaxLength = 64 * 1024;

    private readonly string text;
    private readonly TemplatePart[] parts;
    private readonly Placeholder[] placeholders;

    private SecretTemplate(string text, TemplatePart[] parts, Placeholder[] placeholders) => (this.text, this.parts, this.placeholders) = (text, parts, placeholders);

    public IReadOnlyList<TemplatePart> Parts => parts;

    public IReadOnlyList<Placeholder> Placeholders => placeholders;

    public bool HasPlaceholders => placeholders.Length > 0;

    /// <summary>False when something in the text is meant as a placeholder but is not exactly one: it is never passed on as a literal. Other <c>{{…}}</c> is plain text.</summary>
    public static bool TryParse(string text, [NotNullWhen(true)] out SecretTemplate? template, [NotNullWhen(false)] out TemplateError? error) =>
        TryParse(text, out template, out error, out _);

    internal static bool TryParse(string text, [NotNullWhen(true)] out SecretTemplate? template, [NotNullWhen(false)] out TemplateError? error, out long reads)
    {
        var foundParts = new List<TemplatePart>();
        var foundPlaceholders = new List<Placeholder>();
        var scanner = new TemplateScanner(text);
        error = scanner.Scan(foundParts, foundPlaceholders);
        reads = scanner.Reads;
        template = error is null ? new SecretTemplate(text, [.. foundParts], [.. foundPlaceholders]) : null;
        return error is null;
    }

    /// <summary>The text with credentials renamed; null keeps a name.</summary>
    public string Rewrite(Func<string, string?> renameCredential)
    {
        if (!HasPlaceholders) return text;
        return string.Concat(parts.Select(p => p.Placeholder is { } found ? Placeholder.Write(Renamed(found.Name), found.Field) : p.Literal));

        string Renamed(string name)
        {
            var wanted = renameCredential(name) ?? name;
            return Placeholder.IsName(wanted) ? wanted : throw new ArgumentException("the new name is no credential name", nameof(renameCredential));
        }
    }

    /// <summary>The text with every value in place. The one string made is the result; no value becomes a string of its own.</summary>
    /// <exception cref="FormatException">A value is not UTF-8 text and the slot needs text.</exception>
    public string Render<TState>(TState state, TemplateSlot slot, ValueSource<TState> values)
    {
        if (!HasPlaceholders && slot != TemplateSlot.Query) return text;
        return string.Create(Measure(state, slot, values), (Template: this, State: state, Slot: slot, Values: values), static (span, s) =>
        {
            if (s.Template.Render(span, s.State, s.Slot, s.Values) != span.Length) throw Changed();
        });
    }

    /// <summary>Writes into the caller's buffer, which the caller can wipe, and says how much of it was used.</summary>
    /// <exception cref="FormatException">A value is not UTF-8 text and the slot needs text.</exception>
    /// <exception cref="InvalidOperationException">The buffer is shorter than <see cref="Measure"/> said.</exception>
    public int Render<TState>(Span<char> destination, TState state, TemplateSlot slot, ValueSource<TState> values)
    {
        var used = 0;
        foreach (var part in parts)
        {
            var rest = destination[used..];
            used += part.Placeholder is { } placeholder
                ? SlotEncoder.Write(values(state, placeholder), rest, slot)
                : SlotEncoder.WriteLiteral(part.Literal, rest, slot);
        }
        return used;
    }

    /// <summary>How many characters the rendered text has.</summary>
    public int Measure<TState>(TState state, TemplateSlot slot, ValueSource<TState> values)
    {
        var length = 0;
        foreach (var part in parts)
        {
            length = checked(length + (part.Placeholder is { } placeholder
                ? SlotEncoder.Measure(values(state, placeholder), slot)
                : SlotEncoder.MeasureLiteral(part.Literal, slot)));
        }
        return length;
    }

    public override string ToString() => text;

    internal static InvalidOperationException Changed() => new("the values changed between measuring and writing");
}
