using System.Security.Cryptography;
using Evose.Admin.Domain.Audit;

namespace Evose.Admin.Tests.Platform.Ledger;

public sealed class ChainHasherTests
{
    [Fact]
    public void It_links_rows_as_the_chain_says_one_after_the_other()
    {
        using var hasher = new ChainHasher();
        var (expected, link) = (new byte[Chain.LinkLength], new byte[Chain.LinkLength]);
        foreach (var length in new[] { 0, 1, 55, 56, 63, 64, 65, 330, 5000, 100_000, 0, 7 })
        {
            var payload = RandomNumberGenerator.GetBytes(length);
            Chain.Link(expected, Chain.CallLane, length, payload, expected);
            hasher.Link(link, Chain.CallLane, length, payload, link);
            Assert.Equal(expected, link);
        }
    }

    [Fact]
    public void What_could_not_be_linked_leaves_nothing_behind()
    {
        using var hasher = new ChainHasher();
        var (expected, link) = (new byte[Chain.LinkLength], new byte[Chain.LinkLength]);
        Assert.ThrowsAny<ArgumentException>(() => hasher.Link(Chain.Origin, Chain.CallLane, 1, "half"u8, new byte[8]));
        Chain.Link(expected, Chain.CallLane, 1, "whole"u8, expected);
        hasher.Link(link, Chain.CallLane, 1, "whole"u8, link);
        Assert.Equal(expected, link);
    }
}
