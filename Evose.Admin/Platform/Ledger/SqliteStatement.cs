using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Evose.Admin.Platform.Ledger;

/// <summary>A prepared statement whose values are bound and read as bytes: no boxing, no strings.</summary>
internal sealed class SqliteStatement : IDisposable
{
    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _statement;
    private int _next;

    public SqliteStatement(SqliteConnection connection, string sql)
    {
        _db = connection.Handle!;
        Check(raw.sqlite3_prepare_v2(_db, sql, out _statement));
    }

    public SqliteStatement Number(long value)
    {
        Check(raw.sqlite3_bind_int64(_statement, ++_next, value));
        return this;
    }

    public SqliteStatement Null()
    {
        Check(raw.sqlite3_bind_null(_statement, ++_next));
        return this;
    }

    /// <summary>UTF-8.</summary>
    public SqliteStatement Text(ReadOnlySpan<byte> value)
    {
        // An empty span has no address, which SQLite takes for NULL.
        Check(value.IsEmpty ? raw.sqlite3_bind_text(_statement, ++_next, "") : raw.sqlite3_bind_text(_statement, ++_next, value));
        return this;
    }

    public SqliteStatement Text(string value)
    {
        Check(raw.sqlite3_bind_text(_statement, ++_next, value));
        return this;
    }

    public SqliteStatement Blob(ReadOnlySpan<byte> value)
    {
        Check(raw.sqlite3_bind_blob(_statement, ++_next, value));
        return this;
    }

    /// <summary>Runs it and makes it ready to be bound again; how many rows changed.</summary>
    public int Run()
    {
        _next = 0;
        var code = raw.sqlite3_step(_statement);
        var reset = raw.sqlite3_reset(_statement);
        if (code is not (raw.SQLITE_DONE or raw.SQLITE_ROW)) Check(reset != raw.SQLITE_OK ? reset : code);
        return raw.sqlite3_changes(_db);
    }

    /// <summary>Goes to the next row; false when there is none.</summary>
    public bool Next()
    {
        var code = raw.sqlite3_step(_statement);
        if (code == raw.SQLITE_ROW) return true;
        if (code != raw.SQLITE_DONE) Check(code);
        return false;
    }

    public long NumberAt(int column) => raw.sqlite3_column_int64(_statement, column);

    /// <summary>UTF-8, valid until the next row.</summary>
    public ReadOnlySpan<byte> TextAt(int column) => raw.sqlite3_column_blob(_statement, column);

    public void Dispose() => _statement.Dispose();

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw new SqliteException($"SQLite Error {code}: '{raw.sqlite3_errmsg(_db).utf8_to_string()}'.", code & 0xff, code);
    }
}
