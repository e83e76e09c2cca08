using System.Collections.Concurrent;
using System.Reflection;
using System.Security.Cryptography;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class CipherPoolTests
{
    [Fact]
    public void No_cipher_is_held_by_two_threads_at_once()
    {
        var pool = new CipherPool(Kit.MasterKey(1));
        Assert.Equal(0, Overlaps(pool.Rent, pool.Return));
    }

    // The same measurement sees the mistake it is there for.
    [Fact]
    public void A_shared_cipher_is_seen_by_that_measurement()
    {
        using var shared = new AesGcm(Kit.MasterKey(1), 16);
        Assert.True(Overlaps(() => shared, _ => { }) > 0);
    }

    [Fact]
    public void Only_the_pool_keeps_a_cipher_in_a_field() =>
        Assert.Equal(
            [typeof(CipherPool)],
            typeof(SecretVault).Assembly.GetTypes()
                .SelectMany(t => t.GetFields(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                .Where(f => f.FieldType == typeof(AesGcm) || f.FieldType.GetElementType() == typeof(AesGcm) || f.FieldType.GenericTypeArguments.Contains(typeof(AesGcm)))
                .Select(f => f.DeclaringType));

    [Fact]
    public void A_cipher_that_failed_is_not_used_again()
    {
        var pool = new CipherPool(Kit.MasterKey(1));
        var wrapped = EnvelopeCipher.WrapKey(pool, new byte[12], Kit.Id(1000), Kit.Address(), 1, Kit.MasterKey(2));
        var idle = pool.Rent();
        pool.Return(idle);
        Assert.Throws<IntegrityException>(() => EnvelopeCipher.UnwrapKey(pool, Kit.Id(1000), Kit.Address(), Kit.Flip(wrapped, 200), new byte[32]));
        Assert.NotSame(idle, pool.Rent());
    }

    private static int Overlaps(Func<AesGcm> rent, Action<AesGcm> giveBack)
    {
        var held = new ConcurrentDictionary<AesGcm, int>();
        var overlaps = 0;
        using var together = new Barrier(8);
        var threads = Enumerable.Range(0, 8).Select(_ => new Thread(() =>
        {
            for (var round = 0; round < 20_000; round++)
            {
                // Now and then all hold theirs at the same time.
                var meet = round % 1000 == 0;
                if (meet) together.SignalAndWait();
                var cipher = rent();
                var alone = held.TryAdd(cipher, 0);
                if (!alone) Interlocked.Increment(ref overlaps);
                if (meet) together.SignalAndWait();
                if (alone) held.TryRemove(cipher, out var _);
                giveBack(cipher);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        return overlaps;
    }
}
