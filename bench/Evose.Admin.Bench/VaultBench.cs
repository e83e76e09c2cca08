using System.Security.Cryptography;
using System.Text;
using BenchmarkDotNet.Attributes;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Bench;

/// <summary>What sealing and opening one 64-byte value costs, beside plain AES-256-GCM of the same bytes with a new key object each time.</summary>
public class VaultBench : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("evose-bench-").FullName;
    private readonly SecretVault _vault;
    private readonly SecretAddress _address = new(Guid.CreateVersion7(), Guid.CreateVersion7(), 1);
    private readonly Plaintext _value = Plaintext.CopyOf(Encoding.ASCII.GetBytes(new string('k', 64)));
    private readonly Dictionary<string, Plaintext> _fields;
    private readonly SealedValue _sealed;
    private readonly byte[] _key = RandomNumberGenerator.GetBytes(32), _nonce = new byte[12], _tag = new byte[16], _plain = new byte[64], _cipher = new byte[64];

    public VaultBench()
    {
        _vault = new SecretVault(new DataProtectionRoot(_directory));
        _vault.Initialize(Guid.CreateVersion7(), TimeProvider.System.GetUtcNow());
        _fields = new() { ["value"] = _value };
        _sealed = _vault.Seal(_address, _fields);
        PlainEncrypt();
    }

    [Benchmark]
    public SealedValue Seal() => _vault.Seal(_address, _fields);

    [Benchmark]
    public void Open() => _vault.Open(_address, _sealed, "value").Dispose();

    /// <summary>What holds an opened value: the object. The value itself lies in pooled memory that is wiped.</summary>
    [Benchmark]
    public void Handle() => Plaintext.Allocate(64).Dispose();

    [Benchmark]
    public void PlainEncrypt()
    {
        using var aes = new AesGcm(_key, 16);
        aes.Encrypt(_nonce, _plain, _cipher, _tag);
    }

    [Benchmark]
    public void PlainDecrypt()
    {
        using var aes = new AesGcm(_key, 16);
        aes.Decrypt(_nonce, _cipher, _tag, _plain);
    }

    [GlobalCleanup]
    public void Dispose()
    {
        _value.Dispose();
        if (Directory.Exists(_directory)) Directory.Delete(_directory, true);
        GC.SuppressFinalize(this);
    }

    internal static PartResult Run(Options options)
    {
        var f = Micro.Run<VaultBench>();
        return options.Result("vault",
        [
            new Table("One value of 64 bytes: an own data key per version, wrapped, with its address bound in.", ["", "median", "of plain AES-256-GCM", "allocated"],
            [
                ["seal", Micro.Micros(f[nameof(Seal)]), Micro.Times(f[nameof(Seal)], f[nameof(PlainEncrypt)]), $"{f[nameof(Seal)].Bytes} B"],
                ["open", Micro.Micros(f[nameof(Open)]), Micro.Times(f[nameof(Open)], f[nameof(PlainDecrypt)]), $"{f[nameof(Open)].Bytes} B"],
                ["the handle of an opened value", Micro.Micros(f[nameof(Handle)]), Micro.Times(f[nameof(Handle)], f[nameof(PlainDecrypt)]), $"{f[nameof(Handle)].Bytes} B"],
                ["plain AES-256-GCM encrypt, decrypt", $"{Micro.Micros(f[nameof(PlainEncrypt)])}, {Micro.Micros(f[nameof(PlainDecrypt)])}", "1", $"{f[nameof(PlainDecrypt)].Bytes} B"],
            ]),
        ], [
            new("open", false, 5, f[nameof(Open)].Nanos / 1000, " µs"),
            new("open, garbage that could hold the value", false, 0, f[nameof(Open)].Bytes - f[nameof(Handle)].Bytes - f[nameof(PlainDecrypt)].Bytes, " B"),
        ], ["What opening allocates is the handle of the value and the library's cipher object, which hold nothing of it; the value itself lies in pooled memory that is wiped. The commitment of a wrapped key is checked when its bytes are first opened, as in the app."]);
    }
}
