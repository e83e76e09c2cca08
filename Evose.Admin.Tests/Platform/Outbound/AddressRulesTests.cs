using System.Net;
using Evose.Admin.Platform.Outbound;

namespace Evose.Admin.Tests.Platform.Outbound;

public sealed class AddressRulesTests
{
    /// <summary>First and last address of every special network, and every form that wraps one.</summary>
    public static readonly string[] NotPublic =
    [
        "0.0.0.0", "0.0.0.1", "0.255.255.255", "10.0.0.0", "10.0.0.1", "10.255.255.255", "100.64.0.0", "100.64.0.1", "100.127.255.255",
        "127.0.0.0", "127.0.0.1", "127.1.2.3", "127.255.255.255", "169.254.0.0", "169.254.1.1", "169.254.255.255",
        "172.16.0.0", "172.16.0.1", "172.31.255.255", "192.0.0.0", "192.0.0.9", "192.0.0.255", "192.0.2.1", "192.88.99.1",
        "192.168.0.0", "192.168.1.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.7",
        "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.254", "255.255.255.255",
        "::", "::1", "::2", "::7f00:1", "::127.0.0.1", "::10.0.0.1", "::8.8.8.8",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:192.168.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:0:8.8.8.8",
        "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b::192.168.1.1", "64:ff9b::100.64.0.1", "64:ff9b::0.0.0.0", "64:ff9b::255.255.255.255",
        "64:ff9b:1::1", "64:ff9b:1::8.8.8.8", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "64:ff9b:2::1",
        "100::1", "100:0:0:1::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:0:808:808::f5ff:fffe", "2001:2::1", "2001:10::1", "2001:20::1", "2001:1ff::1",
        "2001:db8::1", "2001:db8:ffff::1", "2002::1", "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "3ffe::1", "3fff::1", "3fff:fff::1",
        "4000::1", "5f00::1", "8000::1", "fc00::1", "fd00::1", "fdff:ffff::1", "fe00::1", "fe80::1", "febf::1", "fec0::1", "feff::1", "ff00::1", "ff02::1", "ff0e::1",
        "2a00:1450::5efe:7f00:1", "2a00:1450::200:5efe:a00:1",
    ];

    public static readonly string[] Public =
    [
        "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255", "169.255.0.0",
        "172.15.255.255", "172.32.0.0", "192.0.1.0", "192.0.3.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "203.0.112.255", "203.0.114.0", "223.255.255.255",
        "2606:4700:4700::1111", "2a00:1450:4001::200e", "2001:4860:4860::8888", "2001:200::1", "2003::1", "3000::1", "64:ff9b::8.8.8.8", "2a00:1450::5efe:808:808",
    ];

    public static readonly string[] Metadata =
    [
        "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.42.42", "169.254.0.23", "100.100.100.200", "168.63.129.16", "192.0.0.192",
        "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe", "fd00:42::42", "fe80::a9fe:a9fe", "fe80::a9fe:a9fe%2",
        "::ffff:169.254.169.254", "::169.254.169.254", "::ffff:0:169.254.169.254", "::ffff:168.63.129.16", "64:ff9b::169.254.169.254", "64:ff9b::a83f:8110",
        "64:ff9b:1::169.254.169.254", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9:fe:a9fe::", "2002:a9fe:a9fe::1", "2002:a83f:8110::",
        "2001:0:a9fe:a9fe::1", "2001:0:808:808::5601:5601", "2a00:1450::5efe:a9fe:a9fe", "fd00::5efe:a9fe:a9fe",
    ];

    public static TheoryData<string> NotPublicData => [.. NotPublic];

    public static TheoryData<string> PublicData => [.. Public];

    public static TheoryData<string> MetadataData => [.. Metadata];

    [Theory, MemberData(nameof(NotPublicData))]
    public void Special_addresses_are_not_public(string text) => Assert.False(AddressRules.IsPublic(IPAddress.Parse(text)));

    [Theory, MemberData(nameof(PublicData))]
    public void Neighbours_of_special_networks_are_public(string text)
    {
        Assert.True(AddressRules.IsPublic(IPAddress.Parse(text)));
        Assert.False(AddressRules.IsMetadata(IPAddress.Parse(text)));
    }

    [Theory, MemberData(nameof(MetadataData))]
    public void Metadata_is_recognised_in_every_wrapping(string text)
    {
        Assert.True(AddressRules.IsMetadata(IPAddress.Parse(text)));
        Assert.False(AddressRules.IsPublic(IPAddress.Parse(text)));
    }

    [Fact]
    public void Judging_allocates_nothing()
    {
        IPAddress[] addresses = [.. NotPublic.Concat(Public).Select(IPAddress.Parse)];
        var hits = 0;
        foreach (var a in addresses) hits += AddressRules.IsPublic(a) ? 1 : 0;
        var before = GC.GetAllocatedBytesForCurrentThread();
        foreach (var a in addresses) hits += AddressRules.IsPublic(a) ? 1 : 0;
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(2 * Public.Length, hits);
    }
}
