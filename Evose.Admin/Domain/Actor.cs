namespace Evose.Admin.Domain;

/// <summary>What kind of party acts.</summary>
public enum ActorKind
{
    /// <summary>A person signed in with the browser.</summary>
    User,

    /// <summary>A program that holds a layer-1 API key.</summary>
    ApiKey,

    /// <summary>A job of the app itself.</summary>
    Job,

    /// <summary>Nobody that could be identified.</summary>
    Anonymous,
}

/// <summary>Who does an administrative act. What they may do is not here: it is read from the database at the moment of the act.</summary>
/// <param name="Id">Id of the user or of the API key; <see cref="Guid.Empty"/> for jobs and for nobody.</param>
/// <param name="Name">E-mail, key name or job name as shown in the audit trail.</param>
/// <param name="Ip">Address the request came from, when there was one.</param>
/// <param name="RequestId">The request that carries the act, when there was one.</param>
public sealed record Actor(ActorKind Kind, Guid Id, string Name, string? Ip = null, string? RequestId = null)
{
    public static readonly Actor Nobody = new(ActorKind.Anonymous, Guid.Empty, "anonymous");

    public static Actor Job(string name) => new(ActorKind.Job, Guid.Empty, name);
}
