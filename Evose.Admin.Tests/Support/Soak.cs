namespace Evose.Admin.Tests.Support;

/// <summary>Tests that have a long form: <c>./dev soak</c> runs them with the counts of the test catalogue, the ordinary run with a few.</summary>
public static class Soak
{
    public static bool IsOn { get; } = Environment.GetEnvironmentVariable("EVOSE_SOAK") == "1";

    public static int Of(int few, int many) => IsOn ? many : few;

    /// <summary>A figure for the tables in the documents; shown by the long run.</summary>
    public static void Say(string figure) => TestContext.Current.SendDiagnosticMessage("{0}", figure);
}
