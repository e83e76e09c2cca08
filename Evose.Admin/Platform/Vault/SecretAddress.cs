namespace Evose.Admin.Platform.Vault;

/// <summary>Where a value lives; sealed bytes open at this address and at no other. The installation is added by the ring.</summary>
public readonly record struct SecretAddress(Guid Workspace, Guid Credential, int Version);
