using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Domain.Providers;

/// <summary>Pure: what the form of a value says about it. Hints for a person, never a refusal: services change their keys. Nothing of the value is quoted.</summary>
public static class ValueAdvice
{
    /// <param name="environment">What the credential's name says, such as <c>prod</c>.</param>
    public static IEnumerable<string> Of(ProviderRecord provider, ProviderInput input, ReadOnlyMemory<char> value, string? environment)
    {
        if (input.Accepted is { } accepted && ProviderRules.Compile(accepted) is { } form && !form.IsMatch(value.Span))
        {
            var other = Foreign(provider, value.Span);
            yield return other is null
                ? $"The value does not have the form of {Called(provider, input)}. Check that all of it was copied, and nothing else."
                : $"The value looks like {other}, and the credential is for {provider.Name.En}.";
        }
        if (environment == "prod" && input.TestPattern is { } test && ProviderRules.Compile($"^(?:{test})$") is { } testForm && testForm.IsMatch(value.Span))
            yield return $"The value is a test key of {provider.Name.En}, and the name says production.";
    }

    private static string? Foreign(ProviderRecord provider, ReadOnlySpan<char> value)
    {
        foreach (var shape in SecretShape.All)
            if (shape.Provider != provider.Id && shape.Matches(value)) return shape.Called;
        return null;
    }

    private static string Called(ProviderRecord provider, ProviderInput input) => $"{provider.Name.En}'s {input.Label.En}";
}
