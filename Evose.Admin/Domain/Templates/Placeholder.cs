namespace Evose.Admin.Domain.Templates;

/// <summary>One <c>{{credential:name.field}}</c> found in a template; it names a value and never holds one.</summary>
/// <param name="Name">Name of the credential.</param>
/// <param name="Field">The named field; null is the credential's main field.</param>
/// <param name="Position">Where it begins in the template.</param>
public sealed record Placeholder(string Name, string? Field, int Position)
{
    public const int MaxNameLength = 64;
    public const int MaxFieldLength = 32;

    /// <summary>The text that means this placeholder.</summary>
    public string Text => Write(Name, Field);

    public static string Write(string name, string? field = null) => field is null ? $"{{{{credential:{name}}}}}" : $"{{{{credential:{name}.{field}}}}}";

    /// <summary>The rule for credential names, restated because templates know no credentials; a test keeps the two equal.</summary>
    public static bool IsName(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > MaxNameLength || !char.IsAsciiLetterLower(text[0])) return false;
        foreach (var c in text)
            if (!IsNameChar(c)) return false;
        return true;
    }

    /// <summary>Lower-case letters, digits and '_', starting with a letter, 1 to 32 characters.</summary>
    public static bool IsField(ReadOnlySpan<char> text)
    {
        if (text.Length is 0 or > MaxFieldLength || !char.IsAsciiLetterLower(text[0])) return false;
        foreach (var c in text)
            if (!IsFieldChar(c)) return false;
        return true;
    }

    internal static bool IsNameChar(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_' or '-';

    internal static bool IsFieldChar(char c) => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '_';
}

/// <summary>A stretch of a template: text as it is, or a placeholder.</summary>
public readonly record struct TemplatePart(string Literal, Placeholder? Placeholder);
