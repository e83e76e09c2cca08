namespace Evose.Admin.Domain.Workspaces;

/// <summary>The tenant boundary: every credential, consumer and call belongs to one. What is in another workspace does not exist.</summary>
public sealed class Workspace : ICataloged
{
    /// <summary>The slug under which the organization itself is addressed.</summary>
    public const string OrganizationSlug = "org";

    /// <summary>The row that stands for the organization: it owns credentials and nothing else, and nobody is a member of it.</summary>
    public static readonly Guid OrganizationId = new("0f000000-0000-7000-8000-00000000006f");

    private Workspace() { }

    public Workspace(Guid id, string slug, string name, DateTimeOffset createdAt) => (Id, Slug, Name, CreatedAt) = (id, slug, name, createdAt);

    public Guid Id { get; private set; }

    public string Slug { get; private set; } = "";

    public string Name { get; private set; } = "";

    /// <summary>True for the demo workspace, whose values are fake.</summary>
    public bool IsDemo { get; set; }

    public DateTimeOffset CreatedAt { get; private set; }

    public bool IsOrganization => Id == OrganizationId;

    public long Stamp { get; set; }
}
