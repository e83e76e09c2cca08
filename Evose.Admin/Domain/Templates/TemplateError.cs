namespace Evose.Admin.Domain.Templates;

/// <summary>What is wrong with a template.</summary>
public enum TemplateFault
{
    /// <summary>Longer than a template may be.</summary>
    TooLong,

    /// <summary>Meant as a placeholder, but not written exactly as one.</summary>
    NotExact,

    /// <summary>No name after the colon.</summary>
    NameMissing,

    /// <summary>The name breaks the rule for credential names.</summary>
    NameMalformed,

    /// <summary>The field breaks the rule for field names.</summary>
    FieldMalformed,

    /// <summary>The closing braces are missing.</summary>
    NotClosed,
}

/// <summary>Why a text is no template, and where; the sentence never quotes the text, which may hold a secret.</summary>
/// <param name="Position">Index of the first character that is wrong.</param>
public sealed record TemplateError(TemplateFault Fault, int Position)
{
    private const string Form = "Write {{credential:name}} or {{credential:name.field}}";

    public string Sentence => Fault switch
    {
        TemplateFault.TooLong => $"This is too long: at most {SecretTemplate.MaxLength} characters.",
        TemplateFault.NotExact => $"At character {Position + 1} stands something like a placeholder, but not exactly one. {Form}: two braces, all lower case, no spaces, nothing nested.",
        TemplateFault.NameMissing => $"The placeholder at character {Position + 1} names no credential. {Form}.",
        TemplateFault.NameMalformed => $"The credential name at character {Position + 1} is not a valid one. {Form}; a name has 1 to 64 lower-case letters, digits, '_' or '-', and starts with a letter.",
        TemplateFault.FieldMalformed => $"The field name at character {Position + 1} is not a valid one. {Form}; a field has 1 to 32 lower-case letters, digits or '_', and starts with a letter.",
        TemplateFault.NotClosed => $"The placeholder at character {Position + 1} is not closed. {Form}.",
    };
}
