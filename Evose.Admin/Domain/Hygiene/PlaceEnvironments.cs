namespace Evose.Admin.Domain.Hygiene;

/// <summary>What a workspace is for, as far as its name says.</summary>
public enum PlaceEnvironment
{
    /// <summary>The name does not say.</summary>
    Unsaid,

    Production,

    /// <summary>Development, test, staging: where production keys have no business.</summary>
    Trial,
}

/// <summary>Pure: reads a workspace's purpose from its slug. Only the whole slug or its last part counts: <c>cs-dev</c> is one for development, <c>dev-tools</c> need not be.</summary>
public static class PlaceEnvironments
{
    private static readonly HashSet<string> Trials = new(StringComparer.Ordinal) { "dev", "development", "test", "testing", "tests", "qa", "staging", "stage", "sandbox", "playground" };
    private static readonly HashSet<string> Productions = new(StringComparer.Ordinal) { "prod", "production", "live" };

    public static PlaceEnvironment Of(string slug)
    {
        var last = slug[(slug.LastIndexOf('-') + 1)..];
        return Trials.Contains(last) ? PlaceEnvironment.Trial : Productions.Contains(last) ? PlaceEnvironment.Production : PlaceEnvironment.Unsaid;
    }
}
