using System.Text;
using Evose.Admin.Platform.Ledger;
using Microsoft.Data.Sqlite;

namespace Evose.Admin.Tests.Platform.Ledger;

public sealed class SqliteStatementTests : IDisposable
{
    private readonly ScratchTable _table = new();

    public void Dispose() => _table.Dispose();

    [Fact]
    public void A_value_is_stored_as_it_was_bound_whatever_stood_in_its_place_before()
    {
        object?[] values =
        [
            "", null, "", Array.Empty<byte>(), null, 0L, null, "a", "b", "b", "bc", "a\0b", "\0", new byte[] { 0x62, 0x63 }, "bc", 7L, 7L, "7", long.MinValue, 0L, "é€😀",
            new string('x', 63), new string('y', 63), new string('x', 64), new string('y', 64), new string('y', 65), new string('z', 65), new string('z', 64), "", new string('q', 300), null,
            new byte[64], Enumerable.Repeat((byte)9, 64).ToArray(), new byte[65], new string('\0', 65), new string('ü', 100_000), new byte[1 << 20], 1L, "end",
        ];
        using (var insert = new SqliteStatement(_table.Connection, "INSERT INTO t VALUES (?,?)"))
        {
            for (var i = 0; i < values.Length; i++)
            {
                Bind(insert.Number(i), values[i]);
                // What was bound is the statement's own.
                GC.Collect(0);
                Assert.Equal(1, insert.Run());
            }
        }
        Assert.Equal<object?>(values, _table.Stored());
    }

    [Fact]
    public void A_text_of_characters_is_the_same_as_its_bytes()
    {
        string[] texts = ["", "a", "ä\0b", new string('ä', 32), new string('ä', 33), new string('€', 90), new string('ä', 5000)];
        using var insert = new SqliteStatement(_table.Connection, "INSERT INTO t VALUES (?,?)");
        for (var i = 0; i < texts.Length; i++) insert.Number(i).Text(texts[i]).Run();
        Assert.Equal<object?>(texts, _table.Stored());
    }

    [Fact]
    public void A_statement_that_failed_is_bound_from_the_start_again()
    {
        using var insert = new SqliteStatement(_table.Connection, "INSERT INTO t VALUES (?,?)");
        insert.Number(1).Text("a"u8).Run();
        Assert.Equal(19, Assert.Throws<SqliteException>(() => insert.Number(1).Text("b"u8).Run()).SqliteErrorCode);
        insert.Number(2);
        insert.Restart();
        insert.Number(3).Text("c"u8).Run();
        Assert.Equal<object?>([1L, 3L], _table.Numbers());
        Assert.Equal<object?>(["a", "c"], _table.Stored());
    }

    private static void Bind(SqliteStatement insert, object? value)
    {
        switch (value)
        {
            case null:
                insert.Null();
                break;
            case long number:
                insert.Number(number);
                break;
            case string text:
                insert.Text(Encoding.UTF8.GetBytes(text).AsSpan());
                break;
            default:
                insert.Blob((byte[])value);
                break;
        }
    }
}
