using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Xml;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption;
using Microsoft.AspNetCore.DataProtection.AuthenticatedEncryption.ConfigurationModel;
using Microsoft.AspNetCore.DataProtection.KeyManagement;

namespace Evose.Admin.Platform.Vault;

/// <summary>The root that needs no setup: a DataProtection ring of its own in a directory, apart from the cookies' ring.</summary>
/// <remarks>
/// Left to itself DataProtection answers a lost ring with a new key and goes on, which splits the stored data in two.
/// Here it never makes a key by itself; <see cref="Wrap"/> does, when the ring has none.
/// </remarks>
public sealed class DataProtectionRoot(string directory) : IRootKey
{
    private const string Purpose = "Evose.Admin.MasterKey.v1";

    // Fixed instants: the ring's key is replaced by an act, never by the passing of time, and no clock can make it "not yet active".
    private static readonly DateTimeOffset Always = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Forever = new(9000, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public string Id => "data-protection";

    public string? Fault => null;

    public byte[] Wrap(ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> aad)
    {
        try
        {
            CreateDirectory();
            SetUnreadableFilesAside();
            using var services = BuildServices();
            if (!services.GetRequiredService<IKeyManager>().GetAllKeys().Any(IsUsable)) CreateKey(services);
            return Protect(services, masterKey, aad);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VaultSealedException($"The directory of the root key cannot be written: {directory}");
        }
    }

    public bool TryUnwrap(ReadOnlySpan<byte> wrapped, ReadOnlySpan<byte> aad, Span<byte> masterKey, [NotNullWhen(false)] out string? reason)
    {
        CryptographicOperations.ZeroMemory(masterKey);
        // The file repository would create a missing directory just by looking into it.
        if (!Directory.Exists(directory))
        {
            reason = $"The directory of the root key is missing: {directory}";
            return false;
        }

        byte[] opened;
        try
        {
            using var services = BuildServices();
            if (services.GetRequiredService<IKeyManager>().GetAllKeys().Count == 0)
            {
                reason = $"The directory of the root key holds no key: {directory}";
                return false;
            }

            opened = Protector(services, aad).Unprotect(wrapped.ToArray());
        }
        catch (Exception)
        {
            // Wrong ring, damaged row, unreadable file: for the vault they are one thing, and none may end the process.
            reason = $"The root key in {directory} does not open the stored master key.";
            return false;
        }

        var fits = opened.Length == masterKey.Length;
        if (fits) opened.CopyTo(masterKey);
        CryptographicOperations.ZeroMemory(opened);
        reason = fits ? null : "The stored master key has the wrong length.";
        return fits;
    }

    public bool IsStale(ReadOnlySpan<byte> wrapped) => false;

    internal static IDataProtectionBuilder Configure(IServiceCollection services) => services
        .AddDataProtection()
        .SetApplicationName("Evose.Admin")
        .UseCryptographicAlgorithms(new AuthenticatedEncryptorConfiguration { EncryptionAlgorithm = EncryptionAlgorithm.AES_256_GCM })
        .DisableAutomaticKeyGeneration();

    internal static void CreateKey(IServiceProvider services) => services.GetRequiredService<IKeyManager>().CreateNewKey(Always, Forever);

    // Asked once per start or unseal, so nothing is cached: a ring that was put back is seen at once.
    private ServiceProvider BuildServices()
    {
        var services = new ServiceCollection();
        Configure(services).PersistKeysToFileSystem(new DirectoryInfo(directory));
        return services.BuildServiceProvider();
    }

    private static IDataProtector Protector(ServiceProvider services, ReadOnlySpan<byte> aad) =>
        services.GetRequiredService<IDataProtectionProvider>().CreateProtector(Purpose, Convert.ToHexString(aad));

    private static byte[] Protect(ServiceProvider services, ReadOnlySpan<byte> masterKey, ReadOnlySpan<byte> aad)
    {
        var copy = MasterKeyRing.Pinned();
        masterKey.CopyTo(copy);
        try
        {
            return Protector(services, aad).Protect(copy);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(copy);
        }
    }

    // One file that is no XML keeps the library from reading all others. Renamed, not deleted: a person may still mend it.
    private void SetUnreadableFilesAside()
    {
        foreach (var file in Directory.GetFiles(directory, "*.xml"))
        {
            try
            {
                _ = XElement.Load(file);
            }
            catch (XmlException)
            {
                File.Move(file, file + ".damaged", overwrite: true);
            }
        }
    }

    private static bool IsUsable(IKey key)
    {
        try
        {
            return !key.IsRevoked && key.ExpirationDate >= Forever && key.CreateEncryptor() is not null;
        }
        catch (Exception)
        {
            return false;
        }
    }

    private void CreateDirectory()
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
            return;
        }

        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(directory, owner);
        File.SetUnixFileMode(directory, owner);
    }
}
