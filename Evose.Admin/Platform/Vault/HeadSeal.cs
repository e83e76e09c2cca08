using System.Security.Cryptography;

namespace Evose.Admin.Platform.Vault;

/// <summary>Keyed MACs of the audit: whoever can write to the database or to the anchor file cannot make them.</summary>
public static class HeadSeal
{
    /// <summary>True when the MAC was made by this installation, under any of its master keys.</summary>
    public static bool IsGenuine(SecretVault vault, ReadOnlySpan<byte> covered, ReadOnlySpan<byte> mac)
    {
        int newest;
        do
        {
            newest = vault.NewestGeneration;
            for (var generation = newest; generation >= 1; generation--)
                if (CryptographicOperations.FixedTimeEquals(vault.AuditMac(covered, generation), mac)) return true;
        }
        while (vault.Learn(newest));
        return false;
    }
}
