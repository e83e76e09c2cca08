namespace Evose.Admin.Platform.Vault;

/// <summary>Stored bytes are not what this installation sealed for this address; says nothing about which byte or why.</summary>
public sealed class IntegrityException() : Exception("Stored ciphertext failed its integrity check.");

/// <summary>The vault has no master key, so nothing can be sealed or opened until the reason it gives is put right.</summary>
public sealed class VaultSealedException(string reason) : Exception("The vault is sealed: " + reason)
{
    public string Reason { get; } = reason;
}

/// <summary>A primitive the vault stands on gave a wrong answer at start; the application must not run on it.</summary>
public sealed class SelfTestException(string check, Exception? inner = null) : Exception("Power-on self-test failed: " + check, inner);
