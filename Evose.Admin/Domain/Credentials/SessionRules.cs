using System.Text.Json.Serialization;

namespace Evose.Admin.Domain.Credentials;

/// <summary>Pure: by what an answer shows that the session of a cookie credential is over, and what calls do then.</summary>
/// <param name="LoggedOutStatuses">Statuses of an answer that say so.</param>
/// <param name="LoginPath">Path of the page that the site sends people to; a redirect there, or below, says so. Null: any path with a step such as <c>login</c> or <c>sign-in</c>.</param>
/// <param name="Marker">A text near the beginning of an answer's body that says so; null is none.</param>
/// <param name="Refuse">True: calls are refused until somebody has entered a new session. False: they go on, and the site answers them.</param>
public sealed record SessionRules(IReadOnlyList<int> LoggedOutStatuses, string? LoginPath = null, string? Marker = null, bool Refuse = false)
{
    public const int MaxStatuses = 10;

    public const int MaxText = 200;

    /// <summary>How much of a body the marker is looked for in.</summary>
    public const int MarkerWithin = 64 * 1024;

    /// <summary>401 alone: a 403 mostly means that this session may not do this, not that there is none.</summary>
    public static readonly SessionRules Default = new([401]);

    private static readonly string[] LoginSteps = ["login", "log-in", "log_in", "logon", "signin", "sign-in", "sign_in", "signon"];

    /// <summary>Whether these are the rules that hold when nobody set any.</summary>
    [JsonIgnore]
    public bool IsDefault => LoggedOutStatuses is [401] && LoginPath is null && Marker is null && !Refuse;

    /// <summary>What is wrong with the rules, or null. A text that looks like a secret is for the caller to refuse.</summary>
    public Problem? Problem()
    {
        if (LoggedOutStatuses.Count > MaxStatuses) return Domain.Problem.Invalid("session.logged_out_statuses", $"Name at most {MaxStatuses} statuses.");
        if (LoggedOutStatuses.Any(s => s is < 300 or > 599)) return Domain.Problem.Invalid("session.logged_out_statuses", "A status that says logged out is a number from 300 to 599.");
        if (LoginPath is { } path && (path.Length > MaxText || !path.StartsWith('/') || path.AsSpan().IndexOfAnyExceptInRange('!', '~') >= 0 || path.IndexOfAny(['?', '#']) >= 0))
            return Domain.Problem.Invalid("session.login_path", "Write the path of the login page without host and query, such as /account/login.");
        if (Marker is { } marker && (marker.Length is < 3 or > MaxText || marker.Any(char.IsControl))) return Domain.Problem.Invalid("session.marker", $"The marker is one line of 3 to {MaxText} characters.");
        return null;
    }

    /// <summary>Why the head of an answer says that the session is over, for a person; null when it does not.</summary>
    /// <param name="target">What was called.</param>
    /// <param name="location">Where the answer sends the caller.</param>
    public string? LoggedOut(int status, Uri target, Uri? location)
    {
        if (LoggedOutStatuses.Contains(status)) return $"the site answered {status}";
        if (status is < 300 or > 399 || location is null || !Uri.TryCreate(target, location, out var to) || to.Scheme is not ("https" or "http")) return null;
        // Whoever calls the login page itself is told nothing about the session by being sent on.
        return IsLogin(to.AbsolutePath) && !IsLogin(target.AbsolutePath) ? "the site sent the call to its login page" : null;
    }

    private bool IsLogin(string path)
    {
        if (LoginPath is { } login)
        {
            login = login.TrimEnd('/');
            return path.StartsWith(login, StringComparison.OrdinalIgnoreCase) && (path.Length == login.Length || path[login.Length] is '/' or '.');
        }
        foreach (var range in path.AsSpan().Split('/'))
        {
            var step = path.AsSpan()[range];
            if (step.IndexOf('.') is > 0 and var dot) step = step[..dot];
            foreach (var word in LoginSteps)
                if (step.Equals(word, StringComparison.OrdinalIgnoreCase)) return true;
        }
        return false;
    }
}
