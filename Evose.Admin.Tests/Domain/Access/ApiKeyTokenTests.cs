using Evose.Admin.Domain.Access;

namespace Evose.Admin.Tests.Domain.Access;

public sealed class ApiKeyTokenTests
{
    private const string Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    [Fact]
    public void The_form_is_frozen()
    {
        var token = ApiKeyToken.Compose(Draws(0));
        Assert.Equal(ApiKeyToken.Length, token.Length);
        Assert.Equal("evk_" + new string('0', 32), token[..36]);
        Assert.Equal(token, ApiKeyToken.Compose(Draws(0)));
        Assert.Equal(Base62(System.IO.Hashing.Crc32.HashToUInt32("00000000000000000000000000000000"u8)), token[36..]);
    }

    [Fact]
    public void Every_composed_key_is_well_formed_and_says_its_public_id()
    {
        var random = new Random(1);
        for (var i = 0; i < 2_000; i++)
        {
            var token = ApiKeyToken.Compose(Draws(null, random));
            Assert.True(ApiKeyToken.IsWellFormed(token));
            Assert.True(ApiKeyToken.TryPublicId(token, out var id));
            Assert.Equal(token.Substring(4, 12), id);
        }
    }

    [Fact]
    public void Every_typing_mistake_is_seen()
    {
        var token = ApiKeyToken.Compose(Draws(null, new Random(2)));
        for (var i = 0; i < token.Length; i++)
        {
            foreach (var c in Alphabet + "-_ .é\n")
                if (c != token[i]) Assert.False(ApiKeyToken.IsWellFormed(token[..i] + c + token[(i + 1)..]));
            Assert.False(ApiKeyToken.IsWellFormed(token.Remove(i, 1)));
            Assert.False(ApiKeyToken.IsWellFormed(token.Insert(i, "a")));
            if (i + 1 < token.Length && token[i] != token[i + 1]) Assert.False(ApiKeyToken.IsWellFormed(token[..i] + token[i + 1] + token[i] + token[(i + 2)..]));
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData("evk_")]
    [InlineData("EVK_00000000000000000000000000000000000000")]
    [InlineData(" evk_0000000000000000000000000000000000000")]
    public void Other_text_is_no_key(string text) => Assert.False(ApiKeyToken.IsWellFormed(text));

    [Theory]
    [InlineData(null, null)]
    [InlineData("", null)]
    [InlineData("evk_short", null)]
    [InlineData("sk-abcdefghijklmnop", null)]
    [InlineData("evk_abcdefghijkl", "abcdefghijkl")]
    [InlineData("evk_abcdefghijklmnop", "abcdefghijkl")]
    public void Finds_the_public_id(string? text, string? id)
    {
        Assert.Equal(id is not null, ApiKeyToken.TryPublicId(text, out var found));
        Assert.Equal(id, found);
    }

    [Fact]
    public void Text_that_is_far_too_long_is_no_key() => Assert.False(ApiKeyToken.TryPublicId("evk_" + new string('a', 200), out _));

    [Fact]
    public void Needs_32_draws()
    {
        Assert.Throws<ArgumentException>(() => ApiKeyToken.Compose(new byte[31]));
        Assert.Throws<ArgumentException>(() => ApiKeyToken.Compose(new byte[33]));
    }

    private static byte[] Draws(byte? all, Random? random = null) => [.. Enumerable.Range(0, 32).Select(_ => all ?? (byte)random!.Next(62))];

    private static string Base62(uint value)
    {
        var text = "";
        for (var i = 0; i < 6; i++, value /= 62) text = Alphabet[(int)(value % 62)] + text;
        return text;
    }
}
