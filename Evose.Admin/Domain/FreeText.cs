namespace Evose.Admin.Domain;

/// <summary>The rule for text that people write: names and descriptions.</summary>
public static class FreeText
{
    /// <summary>Why <paramref name="text"/> cannot be kept, or null. Control characters are refused, except line breaks where <paramref name="multiline"/>; so is what turns the direction of writing, with which one text can look like another.</summary>
    public static string? Refuse(string? text, int maxLength, bool required = false, bool multiline = false)
    {
        if (string.IsNullOrWhiteSpace(text)) return required ? "This is required." : null;
        if (text.Length > maxLength) return $"This is too long: at most {maxLength} characters.";
        foreach (var c in text)
        {
            if (c is >= '\u202A' and <= '\u202E') return "This holds a character that turns the direction of writing. Remove it.";
            if (char.IsControl(c) && !(multiline && c is '\n' or '\r' or '\t')) return "This holds a control character. Remove it.";
        }
        return null;
    }
}
