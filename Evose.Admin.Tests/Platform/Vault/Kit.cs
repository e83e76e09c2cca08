using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

/// <summary>Fixed keys and addresses, so that a failure is the same failure tomorrow.</summary>
internal static class Kit
{
    public const string SecretKey = "8d1f6b0c9a7e5d3c2b4a69788796a5b4c3d2e1f00f1e2d3c4b5a69788796a5b4";
    public const string OtherSecretKey = "17c3a9e25f804b6d93a1c7e5f2084d6b8a1c3e5f708192a3b4c5d6e7f8091a2b";

    public static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static Guid Id(int n) => new(SHA256.HashData(BitConverter.GetBytes(n)).AsSpan(0, 16));

    public static SecretAddress Address(int workspace = 1, int credential = 2, int version = 1) => new(Id(workspace), Id(credential), version);

    public static byte[] MasterKey(int n) => SHA256.HashData(Encoding.UTF8.GetBytes("master key " + n));

    public static SecretVault OpenVault(Guid? installation = null, params int[] generations) =>
        new(SecretKeyRoot.FromText(SecretKey), new MasterKeyRing(installation ?? Id(1000), (generations is [] ? [1] : generations).ToDictionary(g => g, MasterKey)));

    public static Dictionary<string, Plaintext> Fields(params (string Name, string Value)[] fields) =>
        fields.ToDictionary(f => f.Name, f => Plaintext.CopyOf(Encoding.UTF8.GetBytes(f.Value)));

    /// <summary>What a test may do and the application may not: text of a value.</summary>
    public static string Text(Plaintext value)
    {
        using (value) return Encoding.UTF8.GetString(value.Bytes);
    }

    public static byte[] Flip(byte[] bytes, int bit)
    {
        var copy = bytes.ToArray();
        copy[bit / 8] ^= (byte)(1 << bit % 8);
        return copy;
    }

    /// <summary>Every way to damage bytes one step: each bit, each truncation, extensions at both ends, zeros.</summary>
    public static IEnumerable<byte[]> Damaged(byte[] bytes)
    {
        for (var bit = 0; bit < bytes.Length * 8; bit++) yield return Flip(bytes, bit);
        for (var length = 0; length < bytes.Length; length++) yield return bytes[..length];
        for (var more = 1; more <= 130; more++) yield return [.. bytes, .. new byte[more]];
        yield return [0, .. bytes];
        yield return [.. bytes, .. bytes];
        yield return new byte[bytes.Length];
    }
}

/// <summary>A directory of the test's own, gone afterwards.</summary>
internal sealed class TempDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("evose-vault-").FullName;

    public string this[params string[] parts] => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
