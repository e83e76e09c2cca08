using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Ledger;

/// <summary>
/// The ledger of an installation on SQLite: a group is durable when the journal is synced, and is copied into the database right after (<see cref="JournalImport"/>).
/// This process is the only one that changes the database, so the newest stamp it has committed is the one to compare with.
/// </summary>
public sealed class JournalStore(DataDirectory directory, JournalImport import, SecretVault vault, CatalogStamp stamp, TimeProvider clock) : ILedgerStore
{
    // One writer, one lane.
    internal const int Lane = 0;

    private const int FrameTarget = 1 << 20;

    private readonly FrameWriter _frames = new(Lane, vault);
    private Journal? _journal;
    private FileStream? _owner;

    public async ValueTask OpenAsync(CancellationToken ct)
    {
        if (_journal is not null) return;
        if (vault.IsSealed) throw new VaultSealedException(vault.SealedReason ?? "");
        // A second process would write into the same files.
        Directory.CreateDirectory(directory.Ledger);
        FileStream owner;
        try
        {
            owner = new FileStream(Path.Combine(directory.Ledger, "owner"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1);
        }
        catch (IOException e)
        {
            throw new IOException($"Another process of the app uses {directory.Path}. On SQLite there is one; several need Database:Provider=Postgres.", e);
        }
        // A sync holds a thread of the pool (UsageLedger): calls keep as many as there are cores, however slow the disk is.
        ThreadPool.GetMinThreads(out var workers, out var others);
        ThreadPool.SetMinThreads(Math.Max(workers, Environment.ProcessorCount + 1), others);
        var journal = new Journal(directory.Ledger);
        try
        {
            var head = import.ReadHead();
            var (position, link, last) = (head.Position, head.Link, head.LastNumber);
            journal.Open(frame =>
            {
                for (var rows = JournalFrame.RowsOf(frame); rows.Next();)
                {
                    if (rows.Position <= position) continue;
                    position = rows.Position;
                    link = rows.Link.ToArray();
                    if (!rows.IsCompletion) last = Math.Max(last, rows.Seq);
                }
            });
            _frames.Place = (position, link, last);
            (_journal, _owner) = (journal, owner);
        }
        finally
        {
            if (_journal is null)
            {
                journal.Dispose();
                await owner.DisposeAsync();
            }
        }
        await import.StartAsync(journal, ct);
    }

    public async ValueTask WriteAsync(IReadOnlyList<LedgerItem> group)
    {
        if (_journal is null) await OpenAsync(CancellationToken.None);
        Write(group);
    }

    private void Write(IReadOnlyList<LedgerItem> group)
    {
        var journal = _journal!;
        var place = _frames.Place;
        try
        {
            var (now, latest) = (clock.GetUtcNow(), stamp.Latest);
            var framed = Begin();
            foreach (var item in group)
            {
                _frames.Add(item, latest, now);
                if (_frames.Length <= FrameTarget) continue;
                journal.Append(_frames.End(), framed);
                framed = Begin();
            }
            if (_frames.Rows > 0) journal.Append(_frames.End(), framed);
            if (_frames.Position == place.Position) return;
            journal.Sync();
        }
        catch (Exception e)
        {
            // Nothing of the group counts; the chain goes on where it was.
            journal.Abandon();
            _frames.Place = place;
            if (e is UnauthorizedAccessException) throw new IOException("the journal cannot be written", e);
            throw;
        }
        import.News();
    }

    private long Begin()
    {
        _frames.Begin();
        return _frames.Position;
    }

    public void Reset()
    {
        // The journal abandons its file by itself.
    }

    public ValueTask<bool> CaughtUpAsync(CancellationToken ct) => import.CaughtUpAsync(ct);

    public ValueTask FlushAsync() => import.StopAsync();

    public void Dispose()
    {
        _journal?.Dispose();
        _owner?.Dispose();
        (_journal, _owner) = (null, null);
        _frames.Dispose();
    }
}
