using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class EnvelopeCipherTests
{
    private static readonly byte[] DataKey = Kit.MasterKey(77);
    private static readonly Guid Installation = Kit.Id(1000);

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(1023)]
    [InlineData(1024)]
    [InlineData(100_000)]
    public void A_value_of_any_length_comes_back_and_shows_only_its_64_byte_step(int length)
    {
        var value = RandomNumberGenerator.GetBytes(length);
        var blob = EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), "value", value);
        Assert.Equal(2 + 12 + (length / 64 + 1) * 64 + 16, blob.Length);
        var destination = new byte[EnvelopeCipher.FieldCapacity(blob)];
        Assert.Equal(value, destination[..EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), "value", blob, destination)]);
    }

    [Fact]
    public void A_value_that_ends_like_padding_comes_back_whole()
    {
        byte[] value = [1, 0x80, 0, 0x80, 0, 0];
        var blob = EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), "value", value);
        var destination = new byte[64];
        Assert.Equal(value, destination[..EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), "value", blob, destination)]);
    }

    [Fact]
    public void No_damaged_field_opens_and_the_destination_stays_zero()
    {
        var blob = EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), "value", "sk-canary"u8);
        foreach (var damaged in Kit.Damaged(blob))
        {
            var destination = Enumerable.Repeat((byte)0xee, 256).ToArray();
            Assert.Throws<IntegrityException>(() => EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), "value", damaged, destination));
            Assert.Equal(-1, destination.AsSpan().IndexOfAnyExcept((byte)0));
        }
    }

    [Fact]
    public void No_damaged_wrapped_key_opens_and_the_destination_stays_zero()
    {
        var pool = new CipherPool(Kit.MasterKey(1));
        var wrapped = EnvelopeCipher.WrapKey(pool, new byte[12], Installation, Kit.Address(), 1, DataKey);
        Assert.Equal(EnvelopeCipher.WrappedKeySize, wrapped.Length);
        foreach (var damaged in Kit.Damaged(wrapped))
        {
            var destination = Enumerable.Repeat((byte)0xee, 32).ToArray();
            Assert.Throws<IntegrityException>(() => EnvelopeCipher.UnwrapKey(pool, Installation, Kit.Address(), damaged, destination));
            Assert.Equal(new byte[32], destination);
        }
    }

    [Fact]
    public void No_damaged_blob_opens()
    {
        var vault = Kit.OpenVault();
        var blob = vault.SealBlob("staged", [1, 2, 3], "sk-canary"u8);
        using (var opened = vault.OpenBlob("staged", [1, 2, 3], blob)) Assert.Equal("sk-canary"u8.ToArray(), opened.Bytes.ToArray());
        foreach (var damaged in Kit.Damaged(blob)) Assert.Throws<IntegrityException>(() => vault.OpenBlob("staged", [1, 2, 3], damaged));
        Assert.Throws<IntegrityException>(() => vault.OpenBlob("other", [1, 2, 3], blob));
        Assert.Throws<IntegrityException>(() => vault.OpenBlob("staged", [1, 2], blob));
        Assert.Throws<IntegrityException>(() => vault.OpenBlob("stage", [(byte)'d', 1, 2, 3], blob));
        Assert.Throws<IntegrityException>(() => Kit.OpenVault(Kit.Id(1001)).OpenBlob("staged", [1, 2, 3], blob));
    }

    [Fact]
    public void No_damaged_master_key_unwraps()
    {
        var (key, context) = (Kit.MasterKey(5), EnvelopeCipher.MasterContext(Installation, 1));
        var wrapped = EnvelopeCipher.WrapMaster(key, context, Kit.MasterKey(1));
        var destination = new byte[32];
        Assert.True(EnvelopeCipher.TryUnwrapMaster(key, context, wrapped, destination));
        foreach (var damaged in Kit.Damaged(wrapped))
        {
            Assert.False(EnvelopeCipher.TryUnwrapMaster(key, context, damaged, destination));
            Assert.Equal(new byte[32], destination);
        }

        Assert.False(EnvelopeCipher.TryUnwrapMaster(key, EnvelopeCipher.MasterContext(Installation, 2), wrapped, destination));
        Assert.False(EnvelopeCipher.TryUnwrapMaster(key, EnvelopeCipher.MasterContext(Kit.Id(1001), 1), wrapped, destination));
    }

    // A ciphertext made to pass GCM under the wrap key with another data key's commitment: the commitment alone refuses it.
    [Fact]
    public void A_data_key_without_its_commitment_is_refused()
    {
        var pool = new CipherPool(Kit.MasterKey(1));
        var one = EnvelopeCipher.WrapKey(pool, new byte[12], Installation, Kit.Address(), 1, DataKey);
        var two = EnvelopeCipher.WrapKey(pool, [1, .. new byte[11]], Installation, Kit.Address(), 1, Kit.MasterKey(78));
        Assert.Throws<IntegrityException>(() => EnvelopeCipher.UnwrapKey(pool, Installation, Kit.Address(), [.. one[..^32], .. two[^32..]], new byte[32]));
    }

    // The vault checks it once for the bytes, the key and the address it has seen together; for any other it checks again.
    [Fact]
    public void A_commitment_that_was_checked_stands_for_these_bytes_at_this_address_only()
    {
        var vault = Kit.OpenVault();
        var value = vault.Seal(Kit.Address(), Kit.Fields(("value", "x")));
        var other = vault.Seal(Kit.Address(), Kit.Fields(("value", "x")));
        Assert.Equal("x", Kit.Text(vault.Open(Kit.Address(), value, "value")));
        Assert.Equal("x", Kit.Text(vault.Open(Kit.Address(), value, "value")));
        var uncommitted = value with { WrappedKey = [.. value.WrappedKey[..^32], .. other.WrappedKey[^32..]] };
        Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(), uncommitted, "value"));
        Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(), uncommitted, "value"));
        Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(version: 2), value, "value"));
        Assert.Throws<IntegrityException>(() => Kit.OpenVault(Kit.Id(1001)).Open(Kit.Address(), value, "value"));
        Assert.Equal("x", Kit.Text(vault.Open(Kit.Address(), value, "value")));
    }

    [Fact]
    public void Padding_that_is_not_ours_is_refused_even_when_authentic()
    {
        foreach (var padded in new byte[][] { new byte[64], [.. Enumerable.Repeat((byte)1, 64)], [0x80, .. new byte[127]] })
            Assert.Throws<IntegrityException>(() => EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), "value", Authentic(padded), new byte[128]));
        Assert.Equal(0, EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), "value", Authentic([0x80, .. new byte[63]]), new byte[64]));
    }

    // The nonce is drawn: the same value twice is two ciphertexts.
    [Fact]
    public void The_same_value_never_looks_the_same()
    {
        var seen = new HashSet<string>();
        for (var i = 0; i < 1000; i++)
            Assert.True(seen.Add(Convert.ToHexString(EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), "value", "x"u8).AsSpan(2, 12))));
    }

    [Fact]
    public void A_name_that_is_not_text_neither_seals_nor_opens()
    {
        var blob = EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), "value", "x"u8);
        foreach (var name in new[] { "", "\ud800", "a\udc00" })
        {
            Assert.Throws<ArgumentException>(() => EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), name, "x"u8));
            Assert.Throws<IntegrityException>(() => EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), name, blob, new byte[64]));
        }
    }

    [Fact]
    public void A_name_has_at_most_128_bytes()
    {
        var longest = new string('é', 64);
        var blob = EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), longest, "x"u8);
        Assert.Equal(1, EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), longest, blob, new byte[64]));
        Assert.Throws<ArgumentException>(() => EnvelopeCipher.SealField(DataKey, Installation, Kit.Address(), longest + "x", "x"u8));
        Assert.Throws<IntegrityException>(() => EnvelopeCipher.OpenField(DataKey, Installation, Kit.Address(), longest + "x", blob, new byte[64]));
    }

    // Every place a value can be moved to. Same master keys everywhere, so that only the binding can refuse.
    [Fact]
    public void Nothing_opens_at_another_place_than_its_own()
    {
        var places = new List<Place>();
        foreach (var installation in new[] { 1000, 1001 })
        foreach (var generation in new[] { 1, 2 })
        foreach (var workspace in new[] { 1, 2 })
        foreach (var credential in new[] { 1, 2, 3 })
        foreach (var version in new[] { 1, 2 })
            places.Add(new Place(Kit.Id(installation), generation, Kit.Address(workspace, credential, version)));

        var opened = 0;
        var refused = 0;
        foreach (var from in places)
        foreach (var to in places)
        {
            var reader = Reader(to.Installation);
            foreach (var (field, asField) in new[] { ("value", "value"), ("value", "user"), ("user", "value"), ("user", "user") })
            {
                // (whole value moved) (only the key moved) (only the field moved)
                foreach (var (key, blob) in new[] { (from, from), (from, to), (to, from) })
                {
                    // Sealed twice at one place, under two generations: both whole values open there, their halves do not mix.
                    if (key == blob && key.Installation == to.Installation && key.Address == to.Address && field == asField)
                    {
                        using var value = reader.Open(to.Address, key.Value.WrappedKey, blob.Value.Fields[field], asField);
                        Assert.Equal(field + key, Encoding.UTF8.GetString(value.Bytes));
                        opened++;
                    }
                    else
                    {
                        Assert.Throws<IntegrityException>(() => reader.Open(to.Address, key.Value.WrappedKey, blob.Value.Fields[field], asField).Dispose());
                        refused++;
                    }
                }
            }
        }

        Assert.Equal(places.Count * (6 + 2), opened);
        Assert.Equal(places.Count * places.Count * 12 - opened, refused);
    }

    [Fact]
    public void Another_algorithm_generation_or_format_in_the_header_is_refused()
    {
        var vault = Kit.OpenVault(null, 1, 2);
        var value = vault.Seal(Kit.Address(), Kit.Fields(("value", "sk-canary")));
        for (var b = 0; b < 256; b++)
        {
            foreach (var index in new[] { 0, 1 })
            {
                if (b == 1) continue;
                Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(), With(value.WrappedKey, index, (byte)b), value.Fields["value"], "value"));
                Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(), value.WrappedKey, With(value.Fields["value"], index, (byte)b), "value"));
            }
        }

        foreach (var generation in new[] { 1, 0, -1, 3, int.MaxValue, int.MinValue })
        {
            var moved = value.WrappedKey.ToArray();
            BinaryPrimitives.WriteInt32BigEndian(moved.AsSpan(2), generation);
            Assert.Throws<IntegrityException>(() => vault.Open(Kit.Address(), moved, value.Fields["value"], "value"));
        }
    }

    [Fact]
    public void A_hundred_thousand_mutated_blobs_bring_nothing_but_the_one_exception()
    {
        var random = new Random(20260101);
        var vault = Kit.OpenVault(null, 1, 2);
        var value = vault.Seal(Kit.Address(), Kit.Fields(("value", "sk-canary-0123456789")));
        var blob = vault.SealBlob("staged", [9], "sk-canary-0123456789"u8);
        var (key, field) = (value.WrappedKey, value.Fields["value"]);
        for (var i = 0; i < 100_000; i++)
        {
            var which = i % 3;
            var original = which switch { 0 => key, 1 => field, _ => blob };
            var mutated = Mutate(random, original, key, field, blob);
            if (mutated.AsSpan().SequenceEqual(original)) continue;
            try
            {
                using var opened = which switch
                {
                    0 => vault.Open(Kit.Address(), mutated, field, "value"),
                    1 => vault.Open(Kit.Address(), key, mutated, "value"),
                    _ => vault.OpenBlob("staged", [9], mutated),
                };
            }
            catch (IntegrityException)
            {
                continue;
            }

            Assert.Fail($"mutation {i} was accepted");
        }
    }

    private static byte[] Mutate(Random random, byte[] original, params byte[][] others)
    {
        var bytes = original.ToList();
        for (var step = random.Next(1, 5); step > 0; step--)
        {
            var at = random.Next(bytes.Count + 1);
            switch (random.Next(7))
            {
                case 0 when at < bytes.Count: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1 when at < bytes.Count: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.RemoveRange(at, random.Next(bytes.Count - at + 1)); break;
                case 3: bytes.InsertRange(at, new byte[random.Next(1, 100)]); break;
                case 4:
                    var other = others[random.Next(others.Length)];
                    bytes = [.. bytes[..at], .. other[Math.Min(at, other.Length)..]];
                    break;
                case 5: bytes.AddRange(original); break;
                default: bytes.Insert(at, (byte)random.Next(256)); break;
            }
        }

        return [.. bytes];
    }

    private static SecretVault Reader(Guid installation) => Kit.OpenVault(installation, 1, 2);

    private static byte[] With(byte[] bytes, int index, byte value)
    {
        var copy = bytes.ToArray();
        copy[index] = value;
        return copy;
    }

    // As SealField, written again from the README, with padding of the test's choice.
    private static byte[] Authentic(byte[] padded)
    {
        var aad = new List<byte>();
        foreach (var part in new byte[][] { "evose/field/1"u8.ToArray(), [1, 1], Installation.ToByteArray(bigEndian: true), Kit.Address().Workspace.ToByteArray(bigEndian: true), Kit.Address().Credential.ToByteArray(bigEndian: true), [0, 0, 0, 1], "value"u8.ToArray() })
            aad.AddRange([(byte)(part.Length >> 8), (byte)part.Length, .. part]);
        var (nonce, ciphertext, tag) = (new byte[12], new byte[padded.Length], new byte[16]);
        using var cipher = new AesGcm(DataKey, 16);
        cipher.Encrypt(nonce, padded, ciphertext, tag, aad.ToArray());
        return [1, 1, .. nonce, .. ciphertext, .. tag];
    }

    private sealed class Place
    {
        private readonly string _name;

        public Place(Guid installation, int generation, SecretAddress address)
        {
            (Installation, Address, _name) = (installation, address, $"{installation} {generation} {address}");
            // Sealed by a ring whose newest generation is this one, and read by one that has them all.
            Value = Kit.OpenVault(installation, [.. Enumerable.Range(1, generation)]).Seal(address, Kit.Fields(("value", "value" + _name), ("user", "user" + _name)));
        }

        public Guid Installation { get; }

        public SecretAddress Address { get; }

        public SealedValue Value { get; }

        public override string ToString() => _name;
    }
}
