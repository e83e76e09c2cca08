using Microsoft.Data.Sqlite;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// Inserts many rows into one table, as many as fit with one statement and the rest one by one: opening a table and its indexes for each row costs as much as writing to them. How many rows come is said before the first.
/// </summary>
internal sealed class SqliteRows(SqliteConnection connection, string insert, int columns, string conflict = "") : IDisposable
{
    /// <summary>Rows of one statement. Of 1, 4 and 16 the most was the cheapest; more were not measured.</summary>
    public const int Together = 16;

    private SqliteStatement? _many;
    private SqliteStatement? _one;
    private int _left;
    private int _bound;

    /// <summary>How many rows were expected and not written yet.</summary>
    public int Left => _left;

    /// <summary>How many rows come; what was bound of a run that failed is forgotten.</summary>
    public void Expect(int rows)
    {
        _left = rows;
        _bound = 0;
        _many?.Restart();
        _one?.Restart();
    }

    /// <summary>The statement to which the next row's values are bound, in the order of its columns.</summary>
    public SqliteStatement Next() => _bound > 0 || _left >= Together ? _many ??= Prepare(Together) : _one ??= Prepare(1);

    /// <summary>A row is bound. Returns how many rows were written or already there, 0 while more are to come with them; <paramref name="changed"/> are those that were written.</summary>
    public int Add(out int changed)
    {
        changed = 0;
        if (_bound == 0 && _left < Together)
        {
            _left--;
            changed = _one!.Run();
            return 1;
        }
        if (++_bound < Together) return 0;
        _left -= Together;
        _bound = 0;
        changed = _many!.Run();
        return Together;
    }

    public void Add() => Add(out _);

    public void Dispose()
    {
        _many?.Dispose();
        _one?.Dispose();
    }

    private SqliteStatement Prepare(int rows)
    {
        var row = "(" + string.Join(',', Enumerable.Repeat('?', columns)) + ")";
        return new SqliteStatement(connection, $"{insert} VALUES {string.Join(',', Enumerable.Repeat(row, rows))}{conflict}");
    }
}
