using System.Security.Cryptography;

namespace Evose.Admin.Platform.Ledger;

/// <summary>Ids of calls: version 7, so they sort by time. Random bits are drawn for many ids at once, because asking the system for each is the dearest part of an id.</summary>
public static class CallId
{
    private const int Drawn = 64;

    [ThreadStatic]
    private static byte[]? _bits;

    [ThreadStatic]
    private static int _next;

    public static Guid Next(DateTimeOffset now)
    {
        if (_bits is null || _next == Drawn)
        {
            _bits ??= new byte[Drawn * 16];
            RandomNumberGenerator.Fill(_bits);
            _next = 0;
        }
        Span<byte> id = stackalloc byte[16];
        _bits.AsSpan(_next++ * 16, 16).CopyTo(id);
        var ms = now.ToUnixTimeMilliseconds();
        for (var i = 5; i >= 0; i--, ms >>= 8) id[i] = (byte)ms;
        id[6] = (byte)((id[6] & 0x0f) | 0x70);
        id[8] = (byte)((id[8] & 0x3f) | 0x80);
        return new Guid(id, bigEndian: true);
    }
}
