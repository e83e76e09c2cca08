namespace Evose.Admin.Domain;

/// <summary>The rule for names that stand in addresses: workspaces, tools, agents and workflows.</summary>
public static class Slug
{
    public const int MaxLength = 64;

    /// <summary>Lower-case letters, digits, '-' and '_', starting with a letter or digit, 1 to 64 characters.</summary>
    public static bool IsValid(string? text)
    {
        if (text is not { Length: > 0 and <= MaxLength } || text[0] is '-' or '_') return false;
        foreach (var c in text)
            if (c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '-' or '_')) return false;
        return true;
    }

    public const string Rule = "Use 1 to 64 lower-case letters, digits, '-' or '_', starting with a letter or a digit.";

    /// <summary>A valid slug made from any text, or "workspace" when nothing of it can be kept.</summary>
    public static string From(string text)
    {
        var kept = new string([.. text.ToLowerInvariant().Select(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') ? c : '-')]);
        while (kept.Contains("--", StringComparison.Ordinal)) kept = kept.Replace("--", "-", StringComparison.Ordinal);
        kept = kept.Trim('-');
        return kept.Length == 0 ? "workspace" : kept[..Math.Min(kept.Length, MaxLength)].Trim('-');
    }
}
