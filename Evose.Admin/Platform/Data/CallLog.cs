using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Evose.Admin.Platform.Data;

/// <summary>
/// The one door to the record of calls. A query is written once, over <see cref="AdminDb.Calls"/> and <see cref="AdminDb.CallCompletions"/> of the context it is given, and is asked
/// of one part of the record after the other: the segments on SQLite; on PostgreSQL there is one part, whose partitions the server walks. A call's completion lies in the call's part.
/// </summary>
public sealed class CallLog(IDbContextFactory<AdminDb> dbs, CallSegments? segments = null)
{
    private static readonly IReadOnlyList<CallSegment> Whole = [new CallSegment()];

    private IReadOnlyList<CallSegment> Parts => segments?.All ?? Whole;

    /// <summary>At most <paramref name="take"/> rows of a query that gives them newest first, for calls with a number of at least <paramref name="first"/> and below <paramref name="before"/>.</summary>
    public Task<List<T>> NewestAsync<T>(long first, long before, int take, Func<AdminDb, IQueryable<T>> query, CancellationToken ct) =>
        NewestAsync(first, before, take, (db, rows) => query(db).Take(rows).AsAsyncEnumerable(), ct);

    /// <summary>The same of a query that takes no more rows than it is told, such as a compiled one.</summary>
    public async Task<List<T>> NewestAsync<T>(long first, long before, int take, Func<AdminDb, int, IAsyncEnumerable<T>> query, CancellationToken ct)
    {
        var found = new List<T>();
        foreach (var part in Parts)
        {
            if (part.LastSeq < first || part.FirstSeq >= before) continue;
            if (await OpenAsync(part, ct) is not { } db) continue;
            await using (db)
                await foreach (var row in query(db, take - found.Count).WithCancellation(ct)) found.Add(row);
            if (found.Count >= take) break;
        }
        return found;
    }

    /// <summary>
    /// The same of several such queries together, each call once, newest first by <paramref name="number"/>: every part is opened once, and all queries are asked of it at one moment.
    /// </summary>
    public async Task<List<TRow>> NewestOfAsync<TRow>(long first, long before, int take, IReadOnlyList<Func<AdminDb, IQueryable<TRow>>> queries, Func<TRow, long> number, CancellationToken ct)
    {
        if (queries.Count == 0) return [];
        if (queries.Count == 1) return await NewestAsync(first, before, take, queries[0], ct);
        var found = new List<TRow>();
        foreach (var part in Parts)
        {
            if (part.LastSeq < first || part.FirstSeq >= before) continue;
            if (await OpenAsync(part, ct) is not { } db) continue;
            await using (db)
            {
                await using var read = await db.BeginReadAsync(ct);
                var here = new List<TRow>();
                foreach (var query in queries) here.AddRange(await query(db).Take(take - found.Count).ToListAsync(ct));
                found.AddRange(here.DistinctBy(number).OrderByDescending(number).Take(take - found.Count));
            }
            if (found.Count >= take) break;
        }
        return found;
    }

    /// <summary>Every part as it is at one moment, oldest first, with the database itself.</summary>
    public async Task<CallSnapshot> SnapshotAsync(CancellationToken ct)
    {
        var snapshot = new CallSnapshot();
        try
        {
            // Rows and head are committed one after the other, in files of their own, by who holds the database's writer; also when that is another process.
            await using var holder = Parts.Count > 1 ? await dbs.CreateDbContextAsync(ct) : null;
            await using var hold = holder is null ? null : await holder.BeginWriteAsync(ct);
            await snapshot.AddAsync(await dbs.CreateDbContextAsync(ct), null, ct);
            foreach (var part in Parts.Reverse())
                if (part.Number == 0) snapshot.AddMain(part);
                else if (await OpenAsync(part, ct) is { } db) await snapshot.AddAsync(db, part, ct);
            return snapshot;
        }
        catch
        {
            await snapshot.DisposeAsync();
            throw;
        }
    }

    // Null: retired since the list was made.
    private async Task<AdminDb?> OpenAsync(CallSegment part, CancellationToken ct)
    {
        var db = await dbs.CreateDbContextAsync(ct);
        if (segments?.ConnectionString(part) is not { } file) return db;
        db.Database.SetConnectionString(file);
        try
        {
            await db.Database.OpenConnectionAsync(ct);
            return db;
        }
        catch (SqliteException)
        {
            await db.DisposeAsync();
            if (Parts.All(p => p.Number != part.Number)) return null;
            throw;
        }
    }
}

/// <summary>All parts of the record of calls and the database, at one moment.</summary>
public sealed class CallSnapshot : IAsyncDisposable
{
    private readonly List<(AdminDb Db, IDbContextTransaction Read)> _open = [];
    private readonly List<(CallSegment Segment, AdminDb Db)> _parts = [];

    /// <summary>The database.</summary>
    public AdminDb Db => _open[0].Db;

    /// <summary>Oldest first.</summary>
    public IReadOnlyList<(CallSegment Segment, AdminDb Db)> Parts => _parts;

    internal async Task AddAsync(AdminDb db, CallSegment? segment, CancellationToken ct)
    {
        try
        {
            _open.Add((db, await db.BeginReadAsync(ct)));
        }
        catch
        {
            await db.DisposeAsync();
            throw;
        }
        // The first read is what fixes the moment.
        await db.Calls.OrderBy(c => c.Seq).Select(c => c.Seq).FirstOrDefaultAsync(ct);
        if (segment is not null) _parts.Add((segment, db));
    }

    internal void AddMain(CallSegment segment) => _parts.Add((segment, Db));

    public async ValueTask DisposeAsync()
    {
        foreach (var (db, read) in _open)
        {
            await read.DisposeAsync();
            await db.DisposeAsync();
        }
    }
}
