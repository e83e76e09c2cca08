using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Data;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// What each tool, agent, workflow, person and API key did with a credential over days. Of a busy credential those are thousands of rows, nearly all of days that are over, so the sums of
/// those are remembered. Each row is written together with the credential's own sum of its day, and both only ever grow: while that sum is the same, so are the rows, and this is asked every time.
/// </summary>
public sealed class SourceSums
{
    private const int MaxRemembered = 64;

    private readonly ConcurrentDictionary<Guid, Remembered> _past = [];

    public sealed record Sum(SourceKind Kind, string Name, long Calls, long Errors, DateTimeOffset LastAt);

    /// <param name="Days">Sums of the credential's days when the rows were read, or before.</param>
    private sealed record Remembered(int From, int To, List<(int Day, int Version, long Calls, long Errors)> Days, List<Sum> Sums);

    /// <summary>Both days included. The last may be under way.</summary>
    public async Task<List<Sum>> OfAsync(AdminDb db, Guid credential, int from, int to, CancellationToken ct)
    {
        var past = await PastAsync(db, credential, from, to - 1, ct);
        var today = await ReadAsync(db, credential, to, to, ct);
        if (today.Count == 0) return past;
        return
        [
            .. past.Concat(today).GroupBy(s => (s.Kind, s.Name)).Select(g => new Sum(g.Key.Kind, g.Key.Name, g.Sum(s => s.Calls), g.Sum(s => s.Errors), g.Max(s => s.LastAt))),
        ];
    }

    private async Task<List<Sum>> PastAsync(AdminDb db, Guid credential, int from, int to, CancellationToken ct)
    {
        // Before the rows: what comes in between is in those, and the next look sees that the days have grown.
        var days = (await UsageSums.StoredDaysAsync(db, credential, from, to, ct)).Order().ToList();
        if (_past.TryGetValue(credential, out var known) && known.From == from && known.To == to && known.Days.SequenceEqual(days)) return known.Sums;
        var sums = await ReadAsync(db, credential, from, to, ct);
        if (_past.Count >= MaxRemembered) _past.Clear();
        _past[credential] = new Remembered(from, to, days, sums);
        return sums;
    }

    private static async Task<List<Sum>> ReadAsync(AdminDb db, Guid credential, int from, int to, CancellationToken ct)
    {
        var days = Enumerable.Range(from, to - from + 1).ToArray();
        if (db.Database.GetDbConnection() is SqliteConnection) return await AddedUpAsync(db, credential, days, ct);
        return await db.UsageSources.AsNoTracking().Where(u => EF.Parameter(days).Contains(u.Day) && u.CredentialId == credential).GroupBy(u => new { u.Kind, u.Name })
            .Select(g => new Sum(g.Key.Kind, g.Key.Name, g.Sum(u => u.Calls), g.Sum(u => u.Errors), g.Max(u => u.LastAt))).ToListAsync(ct);
    }

    // SQLite groups by sorting, which takes several times as long as reading the rows; a busy credential has some thousands. Past the driver's reader, which takes as long again.
    private static async Task<List<Sum>> AddedUpAsync(AdminDb db, Guid credential, int[] days, CancellationToken ct)
    {
        await db.Database.OpenConnectionAsync(ct);
        try
        {
            return AddUp((SqliteConnection)db.Database.GetDbConnection(), credential, days);
        }
        finally
        {
            await db.Database.CloseConnectionAsync();
        }
    }

    private static List<Sum> AddUp(SqliteConnection connection, Guid credential, int[] days)
    {
        // Newest first: a name's last call stands in the first of its rows. Each day is one look into the index.
        using var statement = new SqliteStatement(connection, Rows(days));
        statement.Blob(credential.ToByteArray(bigEndian: true));
        var kinds = Array.ConvertAll(Enum.GetValues<SourceKind>(), _ => new Dictionary<string, Added>(StringComparer.Ordinal));
        var names = Array.ConvertAll(kinds, k => k.GetAlternateLookup<ReadOnlySpan<char>>());
        Span<char> text = stackalloc char[256];
        while (statement.Next())
        {
            var kind = names[statement.NumberAt(0)];
            var utf8 = statement.TextAt(1);
            ReadOnlySpan<char> name = utf8.Length <= text.Length ? text[..Encoding.UTF8.GetChars(utf8, text)] : Encoding.UTF8.GetString(utf8);
            ref var sum = ref CollectionsMarshal.GetValueRefOrAddDefault(kind, name, out var there);
            sum.Calls += statement.NumberAt(2);
            sum.Errors += statement.NumberAt(3);
            if (!there) sum.LastTicks = statement.NumberAt(4);
        }
        return [.. kinds.SelectMany((of, kind) => of.Select(s => new Sum((SourceKind)kind, s.Key, s.Value.Calls, s.Value.Errors, new DateTimeOffset(s.Value.LastTicks, TimeSpan.Zero))))];
    }

    internal static string Rows(IEnumerable<int> days) =>
        $"SELECT kind, name, calls, errors, last_at FROM usage_source WHERE day IN ({string.Join(',', days.Select(d => d.ToString(CultureInfo.InvariantCulture)))}) AND credential_id = ? ORDER BY day DESC";

    private struct Added
    {
        public long Calls, Errors, LastTicks;
    }
}
