using System.Diagnostics.CodeAnalysis;

namespace Evose.Admin.Domain;

/// <summary>What a use case returns: done with a value, or a <see cref="Domain.Problem"/>. Exceptions are for bugs.</summary>
public readonly record struct Outcome<T>
{
    private Outcome(T? value, Problem? problem) => (Value, Problem) = (value, problem);

    public T? Value { get; }

    public Problem? Problem { get; }

    public bool Failed([NotNullWhen(true)] out Problem? problem, [MaybeNullWhen(true)] out T value)
    {
        (problem, value) = (Problem, Value);
        return problem is not null;
    }

    public bool Failed([NotNullWhen(true)] out Problem? problem)
    {
        problem = Problem;
        return problem is not null;
    }

    /// <summary>Done with a value whose type is an interface: the language has no implicit conversion from those.</summary>
    public static Outcome<T> Of(T value) => new(value, null);

    public static implicit operator Outcome<T>(T value) => new(value, null);

    public static implicit operator Outcome<T>(Problem problem) => new(default, problem);
}

/// <summary>The value of an act that returns nothing.</summary>
public readonly record struct Done
{
    public static readonly Done It;
}
