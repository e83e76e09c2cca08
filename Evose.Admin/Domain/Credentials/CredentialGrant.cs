namespace Evose.Admin.Domain.Credentials;

/// <summary>A workspace that may use a credential of the organization as if it were its own.</summary>
public sealed class CredentialGrant
{
    public Guid CredentialId { get; init; }

    public Guid WorkspaceId { get; init; }
}
