using System.Collections.Concurrent;
using System.Xml.Linq;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.DataProtection.Repositories;
using Microsoft.AspNetCore.DataProtection.XmlEncryption;

namespace Evose.Admin.Platform.Identity;

/// <summary>
/// The keys that protect cookies, kept where <paramref name="kept"/> says and sealed by the vault. While the vault is sealed the kept ones cannot be opened and a new one could not be sealed:
/// then keys live in memory only, so that somebody can open the vault and sign in, and go with the process.
/// </summary>
internal sealed class KeyRing(IXmlRepository kept, SecretVault vault) : IXmlRepository
{
    private readonly ConcurrentQueue<XElement> _passing = [];

    // A file in plain text is from before keys were sealed, or somebody has put it there. In the shared database the whole row is sealed.
    public IReadOnlyCollection<XElement> GetAllElements() =>
        vault.IsSealed ? [.. _passing] : [.. kept.GetAllElements().Where(k => kept is SharedKeyRing || KeyRingEncryptor.IsSealed(k)), .. _passing];

    public void StoreElement(XElement element, string friendlyName)
    {
        // A key that was made while the vault was sealed and is stored after it was opened is in plain text as well.
        if (vault.IsSealed || !KeyRingEncryptor.IsSealed(element)) _passing.Enqueue(element);
        else kept.StoreElement(element, friendlyName);
    }
}

/// <summary>Seals a key of the ring: whoever reads the data directory without the root cannot make a cookie.</summary>
internal sealed class KeyRingEncryptor(SecretVault vault, TimeProvider clock) : IXmlEncryptor
{
    private const string Name = "sealedByVault";

    public EncryptedXmlInfo Encrypt(XElement plaintextElement)
    {
        if (vault.IsSealed) return new EncryptedXmlInfo(plaintextElement, typeof(NullXmlDecryptor));
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        return new EncryptedXmlInfo(new XElement(Name, new XAttribute("id", id), Convert.ToBase64String(KeyRingSeal.Seal(vault, id, plaintextElement))), typeof(KeyRingDecryptor));
    }

    public static bool IsSealed(XElement key) => key.Descendants(Name).Any() || key.Name.LocalName == "revocation";

    public static XElement Open(SecretVault vault, XElement element) => KeyRingSeal.Open(vault, Guid.Parse(element.Attribute("id")!.Value), Convert.FromBase64String(element.Value));
}

/// <summary>Opens what <see cref="KeyRingEncryptor"/> sealed. The framework makes it by its name, which stands in the stored key.</summary>
internal sealed class KeyRingDecryptor(IServiceProvider services) : IXmlDecryptor
{
    public XElement Decrypt(XElement encryptedElement) => KeyRingEncryptor.Open(services.GetRequiredService<SecretVault>(), encryptedElement);
}
