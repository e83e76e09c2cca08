namespace Evose.Admin.Domain.Credentials;

/// <summary>The rule for credential names: what may stand in a placeholder, and the convention <c>{service}_{env}</c>.</summary>
public static class CredentialName
{
    public const int MaxLength = 64;

    private static readonly string[] Environments = ["prod", "staging", "dev", "test"];

    /// <summary>Lower-case letters, digits, '_' and '-', starting with a letter, 1 to 64 characters.</summary>
    public static bool IsValid(string? text)
    {
        if (text is not { Length: > 0 and <= MaxLength } || text[0] is not (>= 'a' and <= 'z')) return false;
        foreach (var c in text)
            if (c is not ((>= 'a' and <= 'z') or (>= '0' and <= '9') or '_' or '-')) return false;
        return true;
    }

    public const string Rule = "Use 1 to 64 lower-case letters, digits, '_' or '-', starting with a letter, such as openai_prod.";

    /// <summary>The environment that the name's last part says, or null.</summary>
    public static string? Environment(string name)
    {
        var cut = name.LastIndexOf('_');
        return cut > 0 && Environments.Contains(name[(cut + 1)..]) ? name[(cut + 1)..] : null;
    }

    /// <summary>What a person should do to follow <c>{service}_{env}</c>, or null when the name does. A hint, not a refusal.</summary>
    public static string? Advise(string name)
    {
        if (!IsValid(name)) return Rule;
        if (Environment(name) is not null) return null;
        var service = name.Trim('_', '-');
        return $"End it with the environment, such as {service}_prod, {service}_staging or {service}_dev: it eases auditing and rotation.";
    }

    /// <summary>A name that follows the convention, made from whatever was typed; null when nothing can be made of it.</summary>
    public static string? Suggest(string typed)
    {
        var kept = new string([.. typed.Trim().ToLowerInvariant().Select(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') ? c : '_')]);
        while (kept.Contains("__", StringComparison.Ordinal)) kept = kept.Replace("__", "_", StringComparison.Ordinal);
        kept = kept.Trim('_').TrimStart('0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '_');
        if (kept.Length == 0) return null;
        kept = kept.Replace("_production", "_prod", StringComparison.Ordinal).Replace("_development", "_dev", StringComparison.Ordinal);
        if (Environment(kept) is null) kept += "_prod";
        return kept.Length <= MaxLength ? kept : null;
    }
}
