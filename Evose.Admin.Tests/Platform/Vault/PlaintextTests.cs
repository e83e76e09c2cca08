using System.Reflection;
using System.Text.Json;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class PlaintextTests
{
    [Fact]
    public void Zeroes_its_bytes_on_dispose()
    {
        var value = Plaintext.CopyOf("sk-canary"u8);
        var kept = value.Bytes;
        value.Dispose();
        Assert.Equal(9, kept.Length);
        Assert.Equal(-1, kept.IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void Cannot_be_read_after_dispose()
    {
        var value = Plaintext.CopyOf("sk-canary"u8);
        value.Dispose();
        value.Dispose();
        Assert.Throws<ObjectDisposedException>(() => value.Bytes.Length);
        Assert.Throws<ObjectDisposedException>(() => value.Writable.Length);
        Assert.Throws<ObjectDisposedException>(() => value.GetChars(new char[9]));
    }

    [Fact]
    public void Is_never_moved_by_the_collector()
    {
        using var value = Plaintext.CopyOf("sk-canary"u8);
        var before = AddressOf(value);
        for (var i = 0; i < 3; i++) GC.Collect(2, GCCollectionMode.Forced, blocking: true, compacting: true);
        Assert.Equal(before, AddressOf(value));
    }

    [Fact]
    public void Says_secret_in_every_text()
    {
        using var value = Plaintext.CopyOf("sk-canary"u8);
        Assert.Equal("[secret]", value.ToString());
        Assert.Equal("x [secret]", $"x {value}");
        Assert.Equal("[secret]", string.Format("{0}", value));
    }

    [Fact]
    public void Cannot_be_written_to_json_or_read_from_it()
    {
        using var value = Plaintext.CopyOf("sk-canary"u8);
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(value));
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(new { value }));
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(new Dictionary<string, Plaintext> { ["a"] = value }));
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Deserialize<Plaintext>("\"a\""));
    }

    [Fact]
    public void Offers_no_string_but_ToString() =>
        Assert.Equal(["ToString"], typeof(Plaintext).GetMembers(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static)
            .Where(m => m is MethodInfo { ReturnType: var r } && r == typeof(string) || m is PropertyInfo { PropertyType: var p } && p == typeof(string))
            .Select(m => m.Name));

    [Fact]
    public void Decodes_into_memory_of_the_caller()
    {
        using var value = Plaintext.CopyOf("pä🔑"u8);
        Span<char> text = stackalloc char[8];
        Assert.Equal("pä🔑", text[..value.GetChars(text)].ToString());
        Assert.Throws<ArgumentException>(() => value.GetChars(new char[1]));
    }

    [Fact]
    public void Does_not_decode_what_is_not_text()
    {
        using var value = Plaintext.CopyOf([0xff, 0xfe]);
        var error = Assert.Throws<InvalidOperationException>(() => value.GetChars(new char[8]));
        Assert.DoesNotContain("255", error.Message);
    }

    [Fact]
    public void Zeroes_what_is_cut_off()
    {
        using var value = Plaintext.CopyOf("sk-canary"u8);
        var whole = value.Bytes;
        value.Truncate(2);
        Assert.Equal(2, value.Length);
        Assert.Equal("sk"u8.ToArray(), value.Bytes.ToArray());
        Assert.Equal(-1, whole[2..].IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void May_be_empty()
    {
        using var value = Plaintext.Allocate(0);
        Assert.Equal(0, value.Length);
        Assert.True(value.Bytes.IsEmpty);
    }

    private static nint AddressOf(Plaintext value)
    {
        var bytes = value.Bytes;
        return System.Runtime.CompilerServices.Unsafe.ByteOffset(
            ref System.Runtime.CompilerServices.Unsafe.NullRef<byte>(), ref System.Runtime.InteropServices.MemoryMarshal.GetReference(bytes));
    }
}
