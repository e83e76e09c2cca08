using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Unicode;

namespace Evose.Admin.Platform.Vault;

/// <summary>The one place where bytes are encrypted and decrypted; whatever is not exactly what was sealed for that address is an <see cref="IntegrityException"/>.</summary>
/// <remarks>
/// Field:       01 | alg | nonce 12 | ciphertext | tag 16
/// Wrapped key: 01 | alg | generation 4 | nonce 12 | ciphertext 32 | tag 16 | commitment 32
/// Blob:        01 | alg | generation 4 | nonce 12 | ciphertext | tag 16
/// Master key:  01 | alg | nonce 12 | ciphertext 32 | tag 16
/// </remarks>
public static class EnvelopeCipher
{
    public const int KeySize = 32;
    public const int NonceSize = 12;
    public const int WrappedKeySize = GenerationHeader + NonceSize + KeySize + TagSize + CommitSize;
    public const int WrappedMasterSize = FieldHeader + NonceSize + KeySize + TagSize;

    private const byte Format = 1;
    private const byte AesGcm256 = 1;
    private const int FieldHeader = 2;
    private const int GenerationHeader = 6;
    private const int TagSize = 16;
    private const int CommitSize = 32;
    private const int PaddingStep = 64;
    private const int MaxNameSize = 128;
    private const int MaxAad = 320;
    private const int StackLimit = 1024;

    private static ReadOnlySpan<byte> FieldDomain => "evose/field/1"u8;

    private static ReadOnlySpan<byte> KeyDomain => "evose/key/1"u8;

    private static ReadOnlySpan<byte> BlobDomain => "evose/blob/1"u8;

    private static ReadOnlySpan<byte> CommitDomain => "evose/commit/1"u8;

    public static byte[] SealField(ReadOnlySpan<byte> dataKey, Guid installation, in SecretAddress address, ReadOnlySpan<char> field, ReadOnlySpan<byte> value)
    {
        Span<byte> nonce = stackalloc byte[NonceSize];
        RandomNumberGenerator.Fill(nonce);
        return SealField(dataKey, nonce, installation, address, field, value);
    }

    /// <summary>With a nonce the caller drew; the same key must never see it twice.</summary>
    internal static byte[] SealField(ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> nonce, Guid installation, in SecretAddress address, ReadOnlySpan<char> field, ReadOnlySpan<byte> value)
    {
        Span<byte> aad = stackalloc byte[MaxAad];
        if (!TryFieldAad(aad, installation, address, field, out var aadLength)) throw NameUnusable(nameof(field));
        var blob = new byte[FieldHeader + NonceSize + PaddedLength(value.Length) + TagSize];
        (blob[0], blob[1]) = (Format, AesGcm256);
        EncryptPadded(dataKey, nonce, value, aad[..aadLength], blob.AsSpan(FieldHeader));
        return blob;
    }

    /// <summary>The number of bytes a destination needs for this field, padding included.</summary>
    public static int FieldCapacity(ReadOnlySpan<byte> blob) => Capacity(blob, FieldHeader);

    /// <summary>Writes the value and its padding to the destination and answers the value's length; on failure the destination is zero.</summary>
    public static int OpenField(ReadOnlySpan<byte> dataKey, Guid installation, in SecretAddress address, ReadOnlySpan<char> field, ReadOnlySpan<byte> blob, Span<byte> destination)
    {
        CryptographicOperations.ZeroMemory(destination);
        var capacity = FieldCapacity(blob);
        if (destination.Length < capacity) throw new IntegrityException();
        Span<byte> aad = stackalloc byte[MaxAad];
        if (!TryFieldAad(aad, installation, address, field, out var aadLength)) throw new IntegrityException();
        return DecryptPadded(dataKey, blob[FieldHeader..], aad[..aadLength], destination[..capacity]);
    }

    internal static byte[] WrapKey(CipherPool wrapKey, ReadOnlySpan<byte> nonce, Guid installation, in SecretAddress address, int generation, ReadOnlySpan<byte> dataKey)
    {
        Span<byte> committed = stackalloc byte[MaxAad];
        var aad = committed[CommitDomain.Length..KeyAad(committed, installation, address, generation)];
        var wrapped = new byte[WrappedKeySize];
        (wrapped[0], wrapped[1]) = (Format, AesGcm256);
        BinaryPrimitives.WriteInt32BigEndian(wrapped.AsSpan(2), generation);
        var body = new Body(wrapped.AsSpan(GenerationHeader, NonceSize + KeySize + TagSize));
        nonce.CopyTo(body.Nonce);
        var cipher = wrapKey.Rent();
        cipher.Encrypt(body.Nonce, dataKey, body.Ciphertext, body.Tag, aad);
        wrapKey.Return(cipher);
        Hmac.Compute(dataKey, committed[..(CommitDomain.Length + aad.Length)], wrapped.AsSpan(WrappedKeySize - CommitSize));
        return wrapped;
    }

    /// <summary>The generation a wrapped key or blob names; not yet authenticated, good only for finding the key.</summary>
    internal static int GenerationOf(ReadOnlySpan<byte> blob)
    {
        if (blob.Length < GenerationHeader || blob[0] != Format || blob[1] != AesGcm256) throw new IntegrityException();
        return BinaryPrimitives.ReadInt32BigEndian(blob[2..]);
    }

    /// <param name="isCommitted">The commitment of these very bytes was checked before, with the same key and address.</param>
    internal static void UnwrapKey(CipherPool wrapKey, Guid installation, in SecretAddress address, ReadOnlySpan<byte> wrapped, Span<byte> dataKey, bool isCommitted = false)
    {
        CryptographicOperations.ZeroMemory(dataKey);
        if (wrapped.Length != WrappedKeySize || dataKey.Length != KeySize) throw new IntegrityException();
        var generation = GenerationOf(wrapped);
        Span<byte> committed = stackalloc byte[MaxAad];
        var length = KeyAad(committed, installation, address, generation);
        var body = wrapped.Slice(GenerationHeader, NonceSize + KeySize + TagSize);

        var cipher = wrapKey.Rent();
        try
        {
            cipher.Decrypt(body[..NonceSize], body.Slice(NonceSize, KeySize), body[^TagSize..], dataKey, committed[CommitDomain.Length..length]);
        }
        catch (CryptographicException)
        {
            // An instance that has failed is not reused: its state is the library's affair.
            cipher.Dispose();
            CryptographicOperations.ZeroMemory(dataKey);
            throw new IntegrityException();
        }

        wrapKey.Return(cipher);

        if (isCommitted) return;

        // GCM does not commit to its key: without this, one ciphertext could be made to open under two keys.
        Span<byte> commitment = stackalloc byte[CommitSize];
        Hmac.Compute(dataKey, committed[..length], commitment);
        if (CryptographicOperations.FixedTimeEquals(commitment, wrapped[^CommitSize..])) return;
        CryptographicOperations.ZeroMemory(dataKey);
        throw new IntegrityException();
    }

    internal static byte[] SealBlob(ReadOnlySpan<byte> key, int generation, Guid installation, ReadOnlySpan<char> purpose, ReadOnlySpan<byte> id, ReadOnlySpan<byte> data)
    {
        Span<byte> aad = stackalloc byte[MaxAad];
        if (!TryBlobAad(aad, generation, installation, purpose, id, out var aadLength)) throw NameUnusable(nameof(purpose));
        var blob = new byte[GenerationHeader + NonceSize + PaddedLength(data.Length) + TagSize];
        (blob[0], blob[1]) = (Format, AesGcm256);
        BinaryPrimitives.WriteInt32BigEndian(blob.AsSpan(2), generation);
        Span<byte> nonce = stackalloc byte[NonceSize];
        RandomNumberGenerator.Fill(nonce);
        EncryptPadded(key, nonce, data, aad[..aadLength], blob.AsSpan(GenerationHeader));
        return blob;
    }

    internal static int BlobCapacity(ReadOnlySpan<byte> blob) => Capacity(blob, GenerationHeader);

    internal static int OpenBlob(ReadOnlySpan<byte> key, Guid installation, ReadOnlySpan<char> purpose, ReadOnlySpan<byte> id, ReadOnlySpan<byte> blob, Span<byte> destination)
    {
        CryptographicOperations.ZeroMemory(destination);
        var capacity = BlobCapacity(blob);
        if (destination.Length < capacity) throw new IntegrityException();
        Span<byte> aad = stackalloc byte[MaxAad];
        if (!TryBlobAad(aad, GenerationOf(blob), installation, purpose, id, out var aadLength)) throw new IntegrityException();
        return DecryptPadded(key, blob[GenerationHeader..], aad[..aadLength], destination[..capacity]);
    }

    /// <summary>Wraps a master key under a root or recovery key; the caller's context becomes part of the AAD.</summary>
    internal static byte[] WrapMaster(ReadOnlySpan<byte> key, ReadOnlySpan<byte> context, ReadOnlySpan<byte> masterKey)
    {
        var wrapped = new byte[WrappedMasterSize];
        (wrapped[0], wrapped[1]) = (Format, AesGcm256);
        var body = new Body(wrapped.AsSpan(FieldHeader));
        RandomNumberGenerator.Fill(body.Nonce);
        Span<byte> aad = stackalloc byte[MaxAad];
        using var cipher = new AesGcm(key, TagSize);
        cipher.Encrypt(body.Nonce, masterKey, body.Ciphertext, body.Tag, aad[..MasterAad(aad, context)]);
        return wrapped;
    }

    internal static bool TryUnwrapMaster(ReadOnlySpan<byte> key, ReadOnlySpan<byte> context, ReadOnlySpan<byte> wrapped, Span<byte> masterKey)
    {
        CryptographicOperations.ZeroMemory(masterKey);
        if (wrapped.Length != WrappedMasterSize || wrapped[0] != Format || wrapped[1] != AesGcm256) return false;
        var body = wrapped[FieldHeader..];
        Span<byte> aad = stackalloc byte[MaxAad];
        using var cipher = new AesGcm(key, TagSize);
        try
        {
            cipher.Decrypt(body[..NonceSize], body.Slice(NonceSize, KeySize), body[^TagSize..], masterKey, aad[..MasterAad(aad, context)]);
            return true;
        }
        catch (CryptographicException)
        {
            CryptographicOperations.ZeroMemory(masterKey);
            return false;
        }
    }

    /// <summary>What a wrapped master key is bound to.</summary>
    internal static byte[] MasterContext(Guid installation, int generation)
    {
        Span<byte> buffer = stackalloc byte[MaxAad];
        var aad = new AadWriter(buffer, "evose/master/1"u8);
        aad.Add(installation);
        aad.Add(generation);
        return buffer[..aad.Length].ToArray();
    }

    // ISO 7816-4: 80 then zeros to the next step, at least one byte. Steps of 64 keep a length from naming a provider.
    internal static int PaddedLength(int length) => checked((length / PaddingStep + 1) * PaddingStep);

    private static void EncryptPadded(ReadOnlySpan<byte> key, ReadOnlySpan<byte> nonce, ReadOnlySpan<byte> value, ReadOnlySpan<byte> aad, Span<byte> output)
    {
        var length = PaddedLength(value.Length);
        var padded = length <= StackLimit ? stackalloc byte[length] : GC.AllocateArray<byte>(length, pinned: true);
        try
        {
            value.CopyTo(padded);
            padded[value.Length] = 0x80;
            padded[(value.Length + 1)..].Clear();
            var body = new Body(output);
            nonce.CopyTo(body.Nonce);
            using var cipher = new AesGcm(key, TagSize);
            cipher.Encrypt(body.Nonce, padded, body.Ciphertext, body.Tag, aad);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(padded);
        }
    }

    private static int DecryptPadded(ReadOnlySpan<byte> key, ReadOnlySpan<byte> body, ReadOnlySpan<byte> aad, Span<byte> destination)
    {
        using var cipher = new AesGcm(key, TagSize);
        try
        {
            cipher.Decrypt(body[..NonceSize], body[NonceSize..^TagSize], body[^TagSize..], destination, aad);
        }
        catch (CryptographicException)
        {
            CryptographicOperations.ZeroMemory(destination);
            throw new IntegrityException();
        }

        // Only authenticated bytes get here, so the search below is no padding oracle.
        var mark = destination.LastIndexOfAnyExcept((byte)0);
        if (mark >= destination.Length - PaddingStep && destination[mark] == 0x80) return mark;
        CryptographicOperations.ZeroMemory(destination);
        throw new IntegrityException();
    }

    private static int Capacity(ReadOnlySpan<byte> blob, int header)
    {
        var length = blob.Length - header - NonceSize - TagSize;
        if (length <= 0 || length % PaddingStep != 0 || blob[0] != Format || blob[1] != AesGcm256) throw new IntegrityException();
        return length;
    }

    private static bool TryFieldAad(Span<byte> buffer, Guid installation, in SecretAddress address, ReadOnlySpan<char> field, out int length)
    {
        var aad = new AadWriter(buffer, FieldDomain);
        aad.Add([Format, AesGcm256]);
        aad.Add(installation);
        aad.Add(address.Workspace);
        aad.Add(address.Credential);
        aad.Add(address.Version);
        var ok = aad.TryAddName(field);
        length = aad.Length;
        return ok;
    }

    // The commitment covers its own label and then the same AAD, so both are built in one buffer: label first. Answers the end of the AAD.
    private static int KeyAad(Span<byte> buffer, Guid installation, in SecretAddress address, int generation)
    {
        CommitDomain.CopyTo(buffer);
        var aad = new AadWriter(buffer[CommitDomain.Length..], KeyDomain);
        aad.Add([Format, AesGcm256]);
        aad.Add(installation);
        aad.Add(address.Workspace);
        aad.Add(address.Credential);
        aad.Add(address.Version);
        aad.Add(generation);
        return CommitDomain.Length + aad.Length;
    }

    private static bool TryBlobAad(Span<byte> buffer, int generation, Guid installation, ReadOnlySpan<char> purpose, ReadOnlySpan<byte> id, out int length)
    {
        var aad = new AadWriter(buffer, BlobDomain);
        aad.Add([Format, AesGcm256]);
        aad.Add(generation);
        aad.Add(installation);
        var ok = id.Length <= MaxNameSize && aad.TryAddName(purpose);
        if (ok) aad.Add(id);
        length = aad.Length;
        return ok;
    }

    private static int MasterAad(Span<byte> buffer, ReadOnlySpan<byte> context)
    {
        var aad = new AadWriter(buffer, "evose/master-wrap/1"u8);
        aad.Add([Format, AesGcm256]);
        aad.Add(context);
        return aad.Length;
    }

    private static ArgumentException NameUnusable(string parameter) =>
        new($"A name is 1 to {MaxNameSize} bytes of well-formed text, an id at most {MaxNameSize} bytes.", parameter);

    private readonly ref struct Body(Span<byte> bytes)
    {
        private readonly Span<byte> _bytes = bytes;

        public Span<byte> Nonce => _bytes[..NonceSize];

        public Span<byte> Ciphertext => _bytes[NonceSize..^TagSize];

        public Span<byte> Tag => _bytes[^TagSize..];
    }

    // Every part carries its length: "1" + "23" and "12" + "3" are different addresses.
    private ref struct AadWriter
    {
        private readonly Span<byte> _buffer;

        public AadWriter(Span<byte> buffer, ReadOnlySpan<byte> domain)
        {
            _buffer = buffer;
            Add(domain);
        }

        public int Length { get; private set; }

        public void Add(scoped ReadOnlySpan<byte> part)
        {
            BinaryPrimitives.WriteUInt16BigEndian(_buffer[Length..], checked((ushort)part.Length));
            part.CopyTo(_buffer[(Length + 2)..]);
            Length += 2 + part.Length;
        }

        public void Add(Guid id)
        {
            Span<byte> bytes = stackalloc byte[16];
            id.TryWriteBytes(bytes, bigEndian: true, out _);
            Add(bytes);
        }

        public void Add(int number)
        {
            Span<byte> bytes = stackalloc byte[4];
            BinaryPrimitives.WriteInt32BigEndian(bytes, number);
            Add(bytes);
        }

        // Ill-formed UTF-16 is refused, not replaced: two names must never become the same bytes.
        public bool TryAddName(ReadOnlySpan<char> name)
        {
            Span<byte> bytes = stackalloc byte[MaxNameSize];
            if (name.IsEmpty || Utf8.FromUtf16(name, bytes, out _, out var written, replaceInvalidSequences: false) != OperationStatus.Done) return false;
            Add(bytes[..written]);
            return true;
        }
    }
}
