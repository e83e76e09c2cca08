namespace Evose.Admin.Domain.Credentials;

/// <summary>A tool's template names a credential. Made by parsing at every save of the tool; resolved by name within the workspace.</summary>
public sealed class Reference
{
    public Guid WorkspaceId { get; init; }

    public Guid ToolId { get; init; }

    public string CredentialName { get; init; } = "";

    /// <summary>Such as <c>headers.Authorization</c>.</summary>
    public string Place { get; init; } = "";
}
