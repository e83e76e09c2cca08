using System.Text;
using System.Xml.Linq;

namespace Evose.Admin.Platform.Vault;

/// <summary>Seals the keys that protect cookies, so that whoever reads the database cannot make a cookie.</summary>
public static class KeyRingSeal
{
    private const string Purpose = "key-ring";

    public static byte[] Seal(SecretVault vault, Guid id, XElement key) => vault.SealBlob(Purpose, id.ToByteArray(true), Encoding.UTF8.GetBytes(key.ToString(SaveOptions.DisableFormatting)));

    public static XElement Open(SecretVault vault, Guid id, ReadOnlySpan<byte> blob)
    {
        using var opened = vault.OpenBlob(Purpose, id.ToByteArray(true), blob);
        return XElement.Parse(Encoding.UTF8.GetString(opened.Bytes));
    }
}
