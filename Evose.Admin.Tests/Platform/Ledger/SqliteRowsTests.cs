using Evose.Admin.Platform.Ledger;

namespace Evose.Admin.Tests.Platform.Ledger;

public sealed class SqliteRowsTests : IDisposable
{
    private readonly ScratchTable _table = new();

    public void Dispose() => _table.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(15)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(47)]
    public void Rows_that_are_written_together_are_all_there_and_say_how_many_were_written(int count)
    {
        _table.Run("INSERT INTO t VALUES (5, 'taken')");
        using var rows = new SqliteRows(_table.Connection, "INSERT OR IGNORE INTO t (n, x)", 2);
        // Given up halfway: nothing of it comes back.
        rows.Expect(20);
        rows.Next().Number(90).Text("lost"u8);
        Assert.Equal(0, rows.Add(out _));
        rows.Next().Number(91);
        for (var round = 0; round < 2; round++)
        {
            var (tried, written) = (0, 0);
            rows.Expect(count);
            for (var i = 0; i < count; i++)
            {
                rows.Next().Number(i + (100 * round)).Text(i % 3 == 0 ? new string('l', 70 + i) : $"r{i}");
                tried += rows.Add(out var changed);
                written += changed;
            }
            Assert.Equal(0, rows.Left);
            Assert.Equal(count, tried);
            Assert.Equal(count > 5 && round == 0 ? count - 1 : count, written);
        }
        Assert.Equal(Enumerable.Range(0, count).SelectMany(i => new long[] { i, i + 100 }).Append(5).Distinct().Order().Cast<object?>(), _table.Numbers());
        if (count > 6) Assert.Equal<object?>(["taken", new string('l', 76)], _table.Stored().Skip(5).Take(2));
    }
}
