using Evose.Admin.Domain;

namespace Evose.Admin.Features.Broker;

/// <summary>Who acts, as the caller says it: in headers, or in the <c>context</c> object of a JSON call. Names only; they are checked against the key.</summary>
public sealed record CallContext(string? Agent, string? Workflow, string? RunId, string? UserId, string? UserName, string? UserEmail)
{
    public const int MaxLength = 200;

    private static readonly CallContext Nobody = new(null, null, null, null, null, null);

    public static CallContext Of(IHeaderDictionary headers)
    {
        var (agent, workflow, run) = (Text(headers, "X-Evose-Agent"), Text(headers, "X-Evose-Workflow"), Text(headers, "X-Evose-Run-Id"));
        var (user, name, email) = (Text(headers, "X-Evose-User-Id"), Text(headers, "X-Evose-User-Name"), Text(headers, "X-Evose-User-Email"));
        return (agent ?? workflow ?? run ?? user ?? name ?? email) is null ? Nobody : new CallContext(agent, workflow, run, user, name, email);
    }

    /// <summary>Why this cannot be recorded as it is, or null.</summary>
    public Problem? Refuse() => ReferenceEquals(this, Nobody) ? null :
        Refuse("agent", Agent) ?? Refuse("workflow", Workflow) ?? Refuse("run_id", RunId) ?? Refuse("user_id", UserId) ?? Refuse("user_name", UserName) ?? Refuse("user_email", UserEmail);

    private static Problem? Refuse(string field, string? text) =>
        text is null || FreeText.Refuse(text, MaxLength) is not { } why ? null : Problem.Invalid(field, why);

    private static string? Text(IHeaderDictionary headers, string name) => headers.TryGetValue(name, out var value) && value.ToString() is { Length: > 0 } text ? text : null;
}
