using System.Collections.Concurrent;
using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

/// <summary>Calls under way at once use one opened value, and nobody keeps it open beyond them.</summary>
public sealed class SharedPlaintextTests
{
    private readonly SecretVault _vault = Kit.OpenVault(null, 1, 2);

    [Fact]
    public void Calls_at_the_same_time_hold_one_opened_value_and_it_is_zeroed_with_the_last()
    {
        var (address, value) = Sealed("sk-canary");
        var first = _vault.OpenTogether(address, value, "value");
        var second = _vault.OpenTogether(address, value, "value");
        var bytes = second.Bytes;
        Assert.True(first.Bytes.Overlaps(bytes, out var apart) && apart == 0);
        first.Dispose();
        // A second time is not another's turn.
        first.Dispose();
        Assert.Throws<ObjectDisposedException>(() => first.Bytes.Length);
        Assert.Equal("sk-canary"u8, second.Bytes);
        second.Dispose();
        Assert.Equal(-1, bytes.IndexOfAnyExcept((byte)0));
    }

    [Fact]
    public void What_no_call_holds_is_opened_anew()
    {
        var (address, value) = Sealed("sk-canary");
        _vault.OpenTogether(address, value, "value").Dispose();
        // Damaged where it lies: only a value that is opened notices.
        var blob = value.Fields["value"];
        using (_vault.OpenTogether(address, value, "value"))
        {
            blob[^1] ^= 1;
            Assert.Equal("sk-canary", Kit.Text(_vault.OpenTogether(address, value, "value")));
        }
        Assert.Throws<IntegrityException>(() => _vault.OpenTogether(address, value, "value"));
        blob[^1] ^= 1;
        Assert.Equal("sk-canary", Kit.Text(_vault.OpenTogether(address, value, "value")));
    }

    [Fact]
    public void A_value_held_open_serves_no_other_place_field_or_bytes()
    {
        var address = Kit.Address();
        var value = _vault.Seal(address, Kit.Fields(("value", "sk-canary"), ("other", "sk-other")));
        using var held = _vault.OpenTogether(address, value, "value");
        Assert.Throws<IntegrityException>(() => _vault.OpenTogether(Kit.Address(workspace: 9), value, "value"));
        Assert.Throws<IntegrityException>(() => _vault.OpenTogether(Kit.Address(version: 2), value, "value"));
        Assert.Throws<IntegrityException>(() => _vault.OpenTogether(address, value, "third"));
        Assert.Equal("sk-other", Kit.Text(_vault.OpenTogether(address, value, "other")));
        // The same field of a version that was read again from the database is another object, and is opened.
        var again = new SealedValue([.. value.WrappedKey], value.Fields.ToDictionary(f => f.Key, f => f.Value.ToArray(), StringComparer.Ordinal));
        using var read = _vault.OpenTogether(address, again, "value");
        Assert.False(read.Bytes.Overlaps(held.Bytes));
        Assert.Equal("sk-canary"u8, read.Bytes);
        // One that is opened alone is alone.
        using var alone = _vault.Open(address, value, "value");
        Assert.False(alone.Bytes.Overlaps(held.Bytes));
    }

    [Fact]
    public void A_sealed_vault_gives_nobody_what_another_call_holds()
    {
        var (address, value) = Sealed("sk-canary");
        using var held = _vault.OpenTogether(address, value, "value");
        _vault.Reseal("for the test");
        Assert.Throws<VaultSealedException>(() => _vault.OpenTogether(address, value, "value"));
        Assert.Equal("sk-canary"u8, held.Bytes);
    }

    [Fact]
    public void A_shared_value_is_not_written_to()
    {
        var (address, value) = Sealed("sk-canary");
        using var held = _vault.OpenTogether(address, value, "value");
        Assert.Throws<InvalidOperationException>(() => held.Writable.Length);
        Assert.Throws<InvalidOperationException>(() => held.WritableMemory.Length);
    }

    [Fact]
    public void What_is_made_of_a_value_is_made_once_and_ends_with_it()
    {
        var (address, value) = Sealed("sk-canary");
        var (first, second) = (_vault.OpenTogether(address, value, "value"), _vault.OpenTogether(address, value, "value"));
        var made = first.Beside(static _ => new Made())!;
        Assert.Same(made, second.Beside(static _ => new Made()));
        first.Dispose();
        Assert.Throws<ObjectDisposedException>(() => first.Beside(static _ => new Made()));
        Assert.False(made.IsDisposed);
        second.Dispose();
        Assert.True(made.IsDisposed);
        using var alone = _vault.Open(address, value, "value");
        Assert.Null(alone.Beside(static _ => new Made()));
    }

    [Fact]
    public void A_part_is_shared_by_its_name_and_the_whole_is_open_only_while_it_is_copied()
    {
        var (address, value) = Sealed("sk-canary");
        Plaintext? whole = null;
        using var first = Part("a", Kit.Now)!;
        Assert.Throws<ObjectDisposedException>(() => whole!.Bytes.Length);
        var of = whole;
        using var second = Part("a", Kit.Now)!;
        Assert.Same(of, whole);
        Assert.True(first.Bytes.Overlaps(second.Bytes));
        using var other = Part("b", Kit.Now)!;
        Assert.NotSame(of, whole);
        Assert.False(first.Bytes.Overlaps(other.Bytes));
        // Neither is the value itself.
        Assert.Equal("sk-canary", Kit.Text(_vault.OpenTogether(address, value, "value")));
        Assert.Throws<IntegrityException>(() => _vault.OpenTogether(Kit.Address(version: 9), value, "value", "a", Kit.Now, Take));
        _vault.Reseal("for the test");
        Assert.Throws<VaultSealedException>(() => Part("a", Kit.Now));

        Plaintext? Part(string name, DateTimeOffset now) => _vault.OpenTogether(address, value, "value", name, now, Take);

        Plaintext Take(Plaintext opened, out DateTimeOffset until)
        {
            (whole, until) = (opened, DateTimeOffset.MaxValue);
            return Plaintext.CopyOf(opened.Bytes[..2]);
        }
    }

    [Fact]
    public void A_part_whose_time_is_over_is_taken_anew_and_one_that_is_none_is_not_shared()
    {
        var (address, value) = Sealed("sk-canary");
        var taken = 0;
        using var first = Part(Kit.Now)!;
        using var second = Part(Kit.Now.AddSeconds(59))!;
        Assert.Equal(1, taken);
        using var third = Part(Kit.Now.AddSeconds(60))!;
        Assert.Equal(2, taken);
        Assert.False(third.Bytes.Overlaps(first.Bytes));
        Assert.Null(_vault.OpenTogether(address, value, "value", "none", Kit.Now, None));
        Assert.Null(_vault.OpenTogether(address, value, "value", "none", Kit.Now, None));
        Assert.Equal(4, taken);

        Plaintext? Part(DateTimeOffset now) => _vault.OpenTogether(address, value, "value", "a", now, (Plaintext opened, out DateTimeOffset until) =>
        {
            taken++;
            until = now.AddMinutes(1);
            return Plaintext.CopyOf(opened.Bytes[..2]);
        });

        Plaintext? None(Plaintext opened, out DateTimeOffset until)
        {
            taken++;
            until = DateTimeOffset.MaxValue;
            return null;
        }
    }

    [Fact]
    public void Of_very_many_parts_at_once_each_is_still_the_right_one()
    {
        var (address, value) = Sealed("sk-canary-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
        var held = Enumerable.Range(1, 60).Select(n => (Length: n, Part: _vault.OpenTogether(address, value, "value", $"{n}", Kit.Now, (Plaintext opened, out DateTimeOffset until) =>
        {
            until = DateTimeOffset.MaxValue;
            return Plaintext.CopyOf(opened.Bytes[..n]);
        })!)).ToList();
        Assert.All(held, h => Assert.Equal(h.Length, h.Part.Length));
        foreach (var (_, part) in held) part.Dispose();
        Assert.All(held, h => Assert.Throws<ObjectDisposedException>(() => h.Part.Bytes.Length));
    }

    [Fact]
    public void A_forgotten_holder_does_not_keep_the_value_open()
    {
        var (address, value) = Sealed("sk-canary");
        var bytes = Forget(address, value);
        for (var i = 0; i < 50 && bytes.AsSpan().IndexOfAnyExcept((byte)0) >= 0; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        Assert.Equal(-1, bytes.AsSpan().IndexOfAnyExcept((byte)0));
        Assert.Equal("sk-canary", Kit.Text(_vault.OpenTogether(address, value, "value")));
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private byte[] Forget(SecretAddress address, SealedValue value) => _vault.OpenTogether(address, value, "value").Share().Bytes;

    [Fact]
    public void Many_threads_that_open_and_let_go_never_read_a_wrong_or_zeroed_value()
    {
        var stored = Enumerable.Range(0, 3).Select(i => (Text: Encoding.UTF8.GetBytes($"sk-canary-{i}-{new string('x', i * 40)}"), Sealed: Sealed($"sk-canary-{i}-{new string('x', i * 40)}", i))).ToArray();
        var errors = new ConcurrentQueue<string>();
        var threads = Enumerable.Range(0, 8).Select(t => new Thread(() =>
        {
            var held = new Queue<(Plaintext Value, byte[] Text)>();
            try
            {
                for (var i = 0; i < 50_000; i++)
                {
                    var (text, (address, value)) = stored[(i * 7 + t) % stored.Length];
                    held.Enqueue((_vault.OpenTogether(address, value, "value"), text));
                    // Sometimes none, sometimes several at once.
                    while (held.Count > i % 4)
                    {
                        var (opened, expected) = held.Dequeue();
                        if (!opened.Bytes.SequenceEqual(expected)) errors.Enqueue("wrong");
                        if (opened.Beside(static v => new Made { Length = v.Length }) is not { IsDisposed: false } made || made.Length != expected.Length) errors.Enqueue("not of this value");
                        opened.Dispose();
                    }
                }
                while (held.TryDequeue(out var last)) last.Value.Dispose();
            }
            catch (Exception e)
            {
                errors.Enqueue(e.ToString());
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Empty(errors.Distinct());
    }

    private (SecretAddress Address, SealedValue Value) Sealed(string text, int credential = 2)
    {
        var address = Kit.Address(credential: credential);
        return (address, _vault.Seal(address, Kit.Fields(("value", text))));
    }

    private sealed class Made : IDisposable
    {
        public int Length { get; init; }

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
