using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// A prepared statement whose values are bound and read as bytes: no boxing, no strings. For one thread at a time. Each parameter has a place in memory that never moves, and SQLite is told that place
/// once: another value as long is only written there. What a row has in common with the row before costs a comparison.
/// </summary>
internal sealed class SqliteStatement : IDisposable
{
    // Longer values are handed over one by one, and SQLite copies them.
    private const int PlaceLength = 64;

    private readonly sqlite3 _db;
    private readonly sqlite3_stmt _statement;
    private readonly nint _dbHandle;
    private readonly nint _handle;
    private readonly Parameter[] _parameters;

    // Danger: SQLite reads it whenever the statement runs. It is on the heap of pinned objects and lives as long as the statement.
    private readonly byte[] _places;
    private int _next;

    public SqliteStatement(SqliteConnection connection, string sql)
    {
        _db = connection.Handle!;
        Check(raw.sqlite3_prepare_v2(_db, sql, out _statement));
        // The library's own wrapper counts references to both handles in each call. Here the fields above keep them open.
        _dbHandle = _db.DangerousGetHandle();
        _handle = _statement.DangerousGetHandle();
        _parameters = new Parameter[raw.sqlite3_bind_parameter_count(_statement)];
        _places = GC.AllocateArray<byte>(_parameters.Length * PlaceLength, pinned: true);
    }

    public SqliteStatement Number(long value)
    {
        ref var p = ref _parameters[_next++];
        if (p.Kind == Kind.Number && p.Value == value) return this;
        Check(Native.BindNumber(_handle, _next, value));
        (p.Kind, p.Value) = (Kind.Number, value);
        return this;
    }

    public SqliteStatement Null()
    {
        ref var p = ref _parameters[_next++];
        // Nothing bound yet is NULL as well.
        if (p.Kind == Kind.Null) return this;
        Check(Native.BindNull(_handle, _next));
        p.Kind = Kind.Null;
        return this;
    }

    /// <summary>UTF-8.</summary>
    public SqliteStatement Text(ReadOnlySpan<byte> value)
    {
        Bind(Kind.Text, value);
        return this;
    }

    public SqliteStatement Text(string value)
    {
        Span<byte> utf8 = stackalloc byte[256];
        return Text(Encoding.UTF8.TryGetBytes(value, utf8, out var length) ? utf8[..length] : Encoding.UTF8.GetBytes(value));
    }

    public SqliteStatement Blob(ReadOnlySpan<byte> value)
    {
        Bind(Kind.Blob, value);
        return this;
    }

    /// <summary>Runs it and makes it ready to be bound again; how many rows changed.</summary>
    public int Run()
    {
        _next = 0;
        var code = Native.Step(_handle);
        var reset = Native.Reset(_handle);
        if (code is not (raw.SQLITE_DONE or raw.SQLITE_ROW)) Check(reset != raw.SQLITE_OK ? reset : code);
        return Native.Changes(_dbHandle);
    }

    /// <summary>Binds from the first parameter on; what was bound before it ran is given anew.</summary>
    public void Restart() => _next = 0;

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

    private void Bind(Kind kind, ReadOnlySpan<byte> value)
    {
        ref var p = ref _parameters[_next];
        var offset = _next++ * PlaceLength;
        if (value.Length > PlaceLength)
        {
            Check(kind == Kind.Text ? raw.sqlite3_bind_text(_statement, _next, value) : raw.sqlite3_bind_blob(_statement, _next, value));
            p.Kind = Kind.Copied;
            return;
        }
        value.CopyTo(_places.AsSpan(offset));
        if (p.Kind == kind && p.Value == value.Length) return;
        var place = Marshal.UnsafeAddrOfPinnedArrayElement(_places, offset);
        Check(kind == Kind.Text ? Native.BindText(_handle, _next, place, value.Length, Native.Static) : Native.BindBlob(_handle, _next, place, value.Length, Native.Static));
        (p.Kind, p.Value) = (kind, value.Length);
    }

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw new SqliteException($"SQLite Error {code}: '{raw.sqlite3_errmsg(_db).utf8_to_string()}'.", code & 0xff, code);
    }

    private enum Kind : byte
    {
        Null,
        Number,
        Text,
        Blob,

        /// <summary>Too long for its place: SQLite has it.</summary>
        Copied,
    }

    // What SQLite was told last: Value is the number, or how many bytes of the place count.
    private struct Parameter
    {
        public Kind Kind;
        public long Value;
    }

    // The same library that the connection was opened with. Binding takes a few nanoseconds and waits for nobody, since one thread uses the connection: the runtime need not be told that the thread has left it.
    // Danger: nothing here checks a handle or a length.
    private static class Native
    {
        /// <summary>The bytes stay where they are; SQLite neither copies nor frees them.</summary>
        public const nint Static = 0;

        private const string Library = "e_sqlite3";
        private const DllImportSearchPath Where = DllImportSearchPath.SafeDirectories;

        [DllImport(Library, EntryPoint = "sqlite3_bind_int64"), DefaultDllImportSearchPaths(Where), SuppressGCTransition]
        public static extern int BindNumber(nint statement, int index, long value);

        [DllImport(Library, EntryPoint = "sqlite3_bind_null"), DefaultDllImportSearchPaths(Where), SuppressGCTransition]
        public static extern int BindNull(nint statement, int index);

        [DllImport(Library, EntryPoint = "sqlite3_bind_text"), DefaultDllImportSearchPaths(Where), SuppressGCTransition]
        public static extern int BindText(nint statement, int index, nint value, int length, nint destructor);

        [DllImport(Library, EntryPoint = "sqlite3_bind_blob"), DefaultDllImportSearchPaths(Where), SuppressGCTransition]
        public static extern int BindBlob(nint statement, int index, nint value, int length, nint destructor);

        [DllImport(Library, EntryPoint = "sqlite3_changes"), DefaultDllImportSearchPaths(Where), SuppressGCTransition]
        public static extern int Changes(nint db);

        [DllImport(Library, EntryPoint = "sqlite3_step"), DefaultDllImportSearchPaths(Where)]
        public static extern int Step(nint statement);

        [DllImport(Library, EntryPoint = "sqlite3_reset"), DefaultDllImportSearchPaths(Where)]
        public static extern int Reset(nint statement);
    }
}
