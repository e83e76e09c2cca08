using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace Evose.Admin.Platform.Outbound;

/// <summary>Which addresses the app may connect to unasked: only those that IANA's special-purpose registries leave globally reachable.</summary>
public static class AddressRules
{
    /// <summary>IPv4 networks that are not public. Anycast corners of 192.0.0.0/24 are refused with the rest: no API lives there.</summary>
    private static readonly (uint Network, uint Mask)[] NotPublicV4 =
    [
        V4(0, 0, 0, 0, 8),          // this network
        V4(10, 0, 0, 0, 8),         // private
        V4(100, 64, 0, 0, 10),      // carrier-grade NAT
        V4(127, 0, 0, 0, 8),        // loopback
        V4(169, 254, 0, 0, 16),     // link-local
        V4(172, 16, 0, 0, 12),      // private
        V4(192, 0, 0, 0, 24),       // IETF protocol assignments
        V4(192, 0, 2, 0, 24),       // documentation
        V4(192, 88, 99, 0, 24),     // 6to4 relay anycast, deprecated
        V4(192, 168, 0, 0, 16),     // private
        V4(198, 18, 0, 0, 15),      // benchmarking
        V4(198, 51, 100, 0, 24),    // documentation
        V4(203, 0, 113, 0, 24),     // documentation
        V4(224, 0, 0, 0, 4),        // multicast
        V4(240, 0, 0, 0, 4),        // reserved and broadcast
    ];

    /// <summary>
    /// IPv6 networks inside 2000::/3 that are not public; everything outside it is refused anyway (loopback, mapped, compatible, local NAT64,
    /// discard, SRv6, unique-local, link-local, site-local, multicast). Tunnels are refused whole: the far end is an IPv4 address nobody vetted.
    /// </summary>
    private static readonly IPNetwork[] NotPublicV6 =
    [
        IPNetwork.Parse("2001::/23"),       // IETF protocol assignments: Teredo, benchmarking, ORCHID, AMT
        IPNetwork.Parse("2001:db8::/32"),   // documentation
        IPNetwork.Parse("2002::/16"),       // 6to4
        IPNetwork.Parse("3ffe::/16"),       // 6bone, returned
        IPNetwork.Parse("3fff::/20"),       // documentation
    ];

    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");

    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");

    private static readonly IPNetwork LocalNat64 = IPNetwork.Parse("64:ff9b:1::/48");

    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    private static readonly IPNetwork Teredo = IPNetwork.Parse("2001::/32");

    /// <summary>Addresses that hand out a machine's own credentials.</summary>
    private static readonly uint[] MetadataV4 =
    [
        V4(169, 254, 169, 254, 32).Network, // AWS, GCP, Azure, OCI, DigitalOcean, OpenStack
        V4(169, 254, 170, 2, 32).Network,   // AWS ECS task credentials
        V4(169, 254, 170, 23, 32).Network,  // AWS EKS pod identity
        V4(169, 254, 42, 42, 32).Network,   // Scaleway
        V4(169, 254, 0, 23, 32).Network,    // Tencent
        V4(100, 100, 100, 200, 32).Network, // Alibaba
        V4(168, 63, 129, 16, 32).Network,   // Azure wire server; a public address
        V4(192, 0, 0, 192, 32).Network,     // OCI, older
    ];

    private static readonly IPAddress[] MetadataV6 =
    [
        IPAddress.Parse("fd00:ec2::254"),       // AWS
        IPAddress.Parse("fd00:ec2::23"),        // AWS EKS pod identity
        IPAddress.Parse("fd20:ce::254"),        // GCP
        IPAddress.Parse("fd00:c1::a9fe:a9fe"),  // OCI
        IPAddress.Parse("fd00:42::42"),         // Scaleway
        IPAddress.Parse("fe80::a9fe:a9fe"),     // OpenStack
    ];

    /// <summary>Whether the address is globally reachable and nothing else: not private, not special, not metadata, no tunnel to such.</summary>
    public static bool IsPublic(IPAddress address)
    {
        if (IsMetadata(address)) return false;
        if (address.AddressFamily == AddressFamily.InterNetwork) return IsPublicV4(ToUInt32(address));
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return false;

        // First: IPNetwork.Contains takes a mapped address for its IPv4 bits and finds ::ffff:10.0.0.1 in 2000::/3.
        if (address.IsIPv4MappedToIPv6) return false;

        // DNS64 gives the whole IPv4 internet this prefix; the IPv4 address inside is where the packets go.
        var plain = WithoutZone(address);
        if (Nat64.Contains(plain)) return IsPublicV4(Embedded(plain, 12));
        if (!GlobalUnicast.Contains(plain)) return false;
        foreach (var network in NotPublicV6)
            if (network.Contains(plain)) return false;
        return !IsIsatap(plain, out var inner) || IsPublicV4(inner);
    }

    /// <summary>Whether the address, or the IPv4 address it wraps, is a cloud metadata service: never reachable, whatever is allowed.</summary>
    public static bool IsMetadata(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork) return IsMetadataV4(ToUInt32(address));
        if (address.AddressFamily != AddressFamily.InterNetworkV6) return false;

        var plain = WithoutZone(address);
        if (plain.IsIPv4MappedToIPv6) return IsMetadataV4(Embedded(plain, 12));
        if (Array.IndexOf(MetadataV6, plain) >= 0) return true;
        if (SixToFour.Contains(plain)) return IsMetadataV4(Embedded(plain, 2));
        if (Teredo.Contains(plain)) return IsMetadataV4(Embedded(plain, 4)) || IsMetadataV4(~Embedded(plain, 12));
        if (IsIsatap(plain, out var inner) && IsMetadataV4(inner)) return true;

        // Translated (::ffff:0:0:0/96), compatible (::/96) and both NAT64 prefixes end in the IPv4 address;
        // the local NAT64 prefix may also hold it in the split forms of RFC 6052.
        if (Nat64.Contains(plain) || StartsWithZeros(plain)) return IsMetadataV4(Embedded(plain, 12));
        return LocalNat64.Contains(plain) && (IsMetadataV4(Embedded(plain, 12)) || IsMetadataV4(EmbeddedAround(plain, 6)) || IsMetadataV4(EmbeddedAround(plain, 7)));
    }

    /// <summary>The IPv4 address of an IPv4-mapped one; any other address as it is.</summary>
    public static IPAddress Unmap(IPAddress address) => address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;

    private static bool IsPublicV4(uint address)
    {
        foreach (var (network, mask) in NotPublicV4)
            if ((address & mask) == network) return false;
        return !IsMetadataV4(address);
    }

    private static bool IsMetadataV4(uint address) => Array.IndexOf(MetadataV4, address) >= 0;

    /// <summary>An ISATAP interface identifier (<c>0:5efe</c> or <c>200:5efe</c>) ends in the IPv4 address of the far end.</summary>
    private static bool IsIsatap(IPAddress address, out uint inner)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out _);
        inner = BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]);
        return bytes[8] is 0 or 2 && bytes[9] == 0 && bytes[10] == 0x5E && bytes[11] == 0xFE;
    }

    private static bool StartsWithZeros(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt64BigEndian(bytes) == 0;
    }

    private static uint Embedded(IPAddress address, int offset)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);
    }

    /// <summary>RFC 6052 leaves byte 8 zero and puts the IPv4 address around it.</summary>
    private static uint EmbeddedAround(IPAddress address, int offset)
    {
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out _);
        bytes[9..].CopyTo(bytes[8..]);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes[offset..]);
    }

    private static IPAddress WithoutZone(IPAddress address)
    {
        if (address.ScopeId == 0) return address;
        Span<byte> bytes = stackalloc byte[16];
        _ = address.TryWriteBytes(bytes, out _);
        return new IPAddress(bytes);
    }

    private static uint ToUInt32(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[4];
        _ = address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt32BigEndian(bytes);
    }

    private static (uint Network, uint Mask) V4(byte a, byte b, byte c, byte d, int prefix) =>
        (((uint)a << 24) | ((uint)b << 16) | ((uint)c << 8) | d, uint.MaxValue << (32 - prefix));
}
