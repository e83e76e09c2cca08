using System.Text.Json;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Tests.Platform.Vault;

public sealed class RecoveryKeyTests
{
    // From the frozen vectors: a fixed key, so that the one typing error in half a million that passes is not today's.
    private static readonly string Text = JsonDocument.Parse(File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "Platform", "Vault", "Vectors", "v1.json")))
        .RootElement.GetProperty("recovery").GetProperty("text").GetString()!;

    [Fact]
    public void Its_text_reads_back()
    {
        for (var i = 0; i < 200; i++)
        {
            using var key = RecoveryKey.Generate();
            var text = key.ShowOnce();
            Assert.Equal(RecoveryKey.TextLength, text.Length);
            Assert.Equal(11, text.Split('-').Count(g => g.Length == 5));
            Assert.True(RecoveryKey.TryParse(text, out var read));
            Assert.Equal(text, read.ShowOnce());
        }
    }

    [Fact]
    public void Case_spaces_dashes_and_look_alike_letters_do_not_matter()
    {
        var bare = Text.Replace("-", "");
        foreach (var typed in new[] { bare, bare.ToLowerInvariant(), " " + Text + "\r\n", Text.Replace('-', ' '), Text.Replace('-', '–'), Text.Replace("-", "\u00a0-\t"), Text.Replace('0', 'O'), Text.Replace('0', 'o'), Text.Replace('1', 'I'), Text.Replace('1', 'l') })
        {
            Assert.True(RecoveryKey.TryParse(typed, out var key));
            Assert.Equal(Text, key.ShowOnce());
        }
    }

    [Fact]
    public void Every_wrong_character_is_noticed()
    {
        for (var i = 0; i < Text.Length; i++)
        {
            if (Text[i] == '-') continue;
            foreach (var c in "0123456789ABCDEFGHJKMNPQRSTVWXYZ".Where(c => c != Text[i]))
                Assert.False(RecoveryKey.TryParse(Text[..i] + c + Text[(i + 1)..], out _));
        }
    }

    [Fact]
    public void Exchanged_neighbours_and_groups_are_noticed()
    {
        var bare = Text.Replace("-", "");
        for (var i = 0; i + 1 < bare.Length; i++)
            if (bare[i] != bare[i + 1])
                Assert.False(RecoveryKey.TryParse(bare[..i] + bare[i + 1] + bare[i] + bare[(i + 2)..], out _));
        var groups = Text.Split('-');
        for (var i = 0; i + 1 < groups.Length; i++)
            Assert.False(RecoveryKey.TryParse(string.Join('-', [.. groups[..i], groups[i + 1], groups[i], .. groups[(i + 2)..]]), out _));
    }

    [Fact]
    public void What_is_too_short_too_long_or_no_text_of_ours_is_no_key()
    {
        for (var length = 0; length < Text.Length; length++) Assert.False(RecoveryKey.TryParse(Text.AsSpan(0, length), out _));
        foreach (var text in new[] { Text + "0", Text + Text, new string('-', 55), new string('U', 55), "é" + Text[1..], "🔑" + Text[2..], new string('0', 100_000), Text + new string(' ', 1000) })
            Assert.False(RecoveryKey.TryParse(text, out _));
    }

    [Fact]
    public void Is_shown_once_and_never_by_accident()
    {
        using var key = RecoveryKey.Generate();
        Assert.Equal("[secret]", key.ToString());
        Assert.Throws<NotSupportedException>(() => JsonSerializer.Serialize(key));
        key.ShowOnce();
        Assert.Throws<InvalidOperationException>(key.ShowOnce);
    }

    [Fact]
    public void Cannot_be_used_after_dispose()
    {
        var key = RecoveryKey.Generate();
        key.Dispose();
        Assert.Throws<ObjectDisposedException>(key.ShowOnce);
    }

    [Fact]
    public void No_two_are_the_same() =>
        Assert.Equal(1000, Enumerable.Range(0, 1000).Select(_ => RecoveryKey.Generate().ShowOnce()).Distinct().Count());
}
