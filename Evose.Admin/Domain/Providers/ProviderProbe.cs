using System.Text.Json;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Domain.Providers;

/// <summary>One request that changes nothing, and how its answer is read.</summary>
public sealed record ProviderProbe
{
    public string Method { get; init; } = "GET";

    /// <summary>Absolute, without a query.</summary>
    public string Url { get; init; } = "";

    /// <summary>Beside those of the record; <c>{{credential.field}}</c> stands for a field.</summary>
    public IReadOnlyDictionary<string, string> Headers { get; init; } = new Dictionary<string, string>();

    public IReadOnlyDictionary<string, string> Query { get; init; } = new Dictionary<string, string>();

    /// <summary>JSON; <c>{{credential.field}}</c> stands for a field.</summary>
    public string? Body { get; init; }

    /// <summary>Statuses that say yes; empty is every 2xx.</summary>
    public IReadOnlyList<int> Alive { get; init; } = [];

    /// <summary>Statuses that say no.</summary>
    public IReadOnlyList<int> Dead { get; init; } = [401];

    /// <summary>Statuses of a living key that may not do this.</summary>
    public IReadOnlyList<int> LacksPermission { get; init; } = [403];

    /// <summary>Where services that always answer 200 hide a refusal; null when the status tells all.</summary>
    public BodyReading? Answer { get; init; }

    /// <summary>What the answer says of the value. The note quotes nothing of the answer but words that this record holds.</summary>
    /// <param name="body">The answer's JSON, when <see cref="Answer"/> needs it and it is JSON.</param>
    public (VerifyResult Result, string Note) Read(int status, JsonElement? body, string provider)
    {
        if (Alive.Count == 0 ? status is >= 200 and < 300 : Alive.Contains(status))
            return Answer is null ? (VerifyResult.Alive, $"{provider} accepted the value: it answered {status}.") : Answer.Read(status, body, provider);
        if (Dead.Contains(status)) return (VerifyResult.Dead, $"{provider} does not accept the value: it answered {status}.");
        if (LacksPermission.Contains(status))
            return (VerifyResult.LacksPermission, $"{provider} knows the value and answered {status}: it may not do what the check asks. It may still be right for what your tools do.");
        return (VerifyResult.Unclear, StatusNote(status, provider));
    }

    /// <summary>What a status means that says nothing of the value.</summary>
    public static string StatusNote(int status, string who) => status switch
    {
        >= 300 and < 400 => $"{who} answered {status}, a redirect, which is not followed.",
        404 or 405 => $"{who} answered {status}: what was asked for is not there.",
        429 => $"{who} answered 429: too many requests. Try again in a while.",
        >= 500 => $"{who} answered {status}: it has trouble of its own. Try again in a while.",
        _ => $"{who} answered {status}, which says nothing about the value.",
    };
}

/// <summary>One member of a JSON answer that decides, such as <c>ok</c> or <c>code</c>.</summary>
public sealed record BodyReading
{
    /// <summary>The member; a dot goes one level down.</summary>
    public string Member { get; init; } = "";

    /// <summary>Its values that say yes, as text: <c>true</c>, <c>0</c>.</summary>
    public IReadOnlyList<string> Alive { get; init; } = [];

    /// <summary>Another member that tells why it was a no; null is <see cref="Member"/> itself.</summary>
    public string? Reason { get; init; }

    /// <summary>Reasons of a living key that may not do this.</summary>
    public IReadOnlyList<string> LacksPermission { get; init; } = [];

    /// <summary>Reasons that say nothing of the key, such as a limit.</summary>
    public IReadOnlyList<string> Unclear { get; init; } = [];

    internal (VerifyResult Result, string Note) Read(int status, JsonElement? body, string provider)
    {
        if (Text(body, Member) is not { } told) return (VerifyResult.Unclear, $"{provider} answered {status}, and its answer does not hold the member '{Member}' that tells.");
        if (Alive.Contains(told)) return (VerifyResult.Alive, $"{provider} accepted the value: it answered {status} with {Member} {told}.");
        var reason = Reason is null ? told : Text(body, Reason) ?? "";
        if (LacksPermission.Contains(reason)) return (VerifyResult.LacksPermission, $"{provider} knows the value and answered {reason}: it may not do what the check asks.");
        if (Unclear.Contains(reason)) return (VerifyResult.Unclear, $"{provider} answered {reason}, which says nothing about the value. Try again in a while.");
        return (VerifyResult.Dead, $"{provider} does not accept the value: it answered {status}, and {Member} in its answer says no.");
    }

    private static string? Text(JsonElement? body, string path)
    {
        if (body is not { } at) return null;
        foreach (var step in path.Split('.'))
            if (at.ValueKind != JsonValueKind.Object || !at.TryGetProperty(step, out at)) return null;
        return at.ValueKind switch
        {
            JsonValueKind.String => at.GetString(),
            JsonValueKind.True or JsonValueKind.False or JsonValueKind.Number => at.GetRawText(),
            _ => null,
        };
    }
}
