using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
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

    private readonly ArrayBufferWriter<byte> _frame = new(1 << 16);
    private readonly ArrayBufferWriter<byte> _payload = new(1024);
    private readonly byte[] _link = new byte[Chain.LinkLength];
    private readonly ChainHasher _hasher = new();
    private Journal? _journal;
    private FileStream? _owner;
    private CallNumbers _numbers = null!;
    private DateTimeOffset _now;
    private long _position;
    private long _framed;
    private int _rows;

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
        var journal = new Journal(directory.Ledger);
        try
        {
            var head = import.ReadHead();
            (_position, var last) = (head.Position, head.LastNumber);
            head.Link.CopyTo(_link, 0);
            journal.Open(frame =>
            {
                for (var rows = JournalFrame.RowsOf(frame); rows.Next();)
                {
                    if (rows.Position <= _position) continue;
                    _position = rows.Position;
                    rows.Link.CopyTo(_link);
                    if (!rows.IsCompletion) last = Math.Max(last, rows.Seq);
                }
            });
            _numbers = new CallNumbers(Lane, last);
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
        var position = _position;
        var link = (Span<byte>)stackalloc byte[Chain.LinkLength];
        _link.CopyTo(link);
        var numbers = _numbers.Last;
        try
        {
            _now = clock.GetUtcNow();
            var latest = stamp.Latest;
            Begin();
            foreach (var item in group)
            {
                Add(item, latest);
                if (_frame.WrittenCount > FrameTarget) Flush(journal);
            }
            if (_rows > 0) Flush(journal);
            if (_position == position) return;
            journal.Sync();
        }
        catch (Exception e)
        {
            // Nothing of the group counts; the chain goes on where it was.
            journal.Abandon();
            _position = position;
            link.CopyTo(_link);
            _numbers = new CallNumbers(Lane, numbers);
            if (e is UnauthorizedAccessException) throw new IOException("the journal cannot be written", e);
            throw;
        }
        import.News();
    }

    public void Reset()
    {
        // The journal abandons its file by itself.
    }

    public ValueTask CaughtUpAsync(CancellationToken ct) => import.CaughtUpAsync(ct);

    public ValueTask FlushAsync() => import.StopAsync();

    public void Dispose()
    {
        _journal?.Dispose();
        _owner?.Dispose();
        _hasher.Dispose();
        (_journal, _owner) = (null, null);
    }

    private void Begin()
    {
        _frame.Clear();
        _rows = 0;
        _framed = _position;
        JournalFrame.Begin(_frame);
    }

    private void Flush(Journal journal)
    {
        Span<byte> mac = stackalloc byte[JournalFrame.MacLength];
        vault.AuditMac(Chain.HeadBytes(Chain.CallLane, _position, _link)).CopyTo(mac);
        JournalFrame.End(_frame, _rows, mac);
        journal.Append(_frame, _framed);
        Begin();
    }

    private void Add(LedgerItem item, long latest)
    {
        var entry = item.Entry!;
        if (item.Completion is { } completion)
        {
            for (var i = 0; i < entry.Rows; i++) AddCompletion(entry, item.FirstSeq + i, i, completion);
            return;
        }
        // A refusal changes nothing, so it need not be decided again.
        item.Stale = entry.Stamp != latest && !entry.Refused;
        if (item.Stale) return;
        item.FirstSeq = _numbers.Next(_now, entry.Rows);
        for (var i = 0; i < entry.Rows; i++)
        {
            _payload.Clear();
            var payload = new CallFacts(entry, item.FirstSeq + i, i < entry.Uses.Count ? entry.Uses[i] : null).Write(new ChainPayload(_payload));
            Append(false, item.FirstSeq + i, payload, []);
        }
    }

    private void AddCompletion(CallEntry e, long callSeq, int i, Completion c)
    {
        _payload.Clear();
        var payload = LedgerRows.CompletionPayload(new ChainPayload(_payload), callSeq, c.At, c.Status, c.DurationUs, c.Outcome, c.Reason);
        if (i >= e.Uses.Count)
        {
            Append(true, callSeq, payload, []);
            return;
        }
        // What the sums are kept by: credential, version, when the call was, source.
        var source = e.Source;
        Span<byte> extra = stackalloc byte[28 + 512];
        var most = Encoding.UTF8.GetMaxByteCount(source.Length);
        if (most > 512) extra = new byte[28 + most];
        e.Uses[i].CredentialId.TryWriteBytes(extra, true, out _);
        BinaryPrimitives.WriteInt32LittleEndian(extra[16..], e.Uses[i].Version);
        BinaryPrimitives.WriteInt64LittleEndian(extra[20..], e.At.UtcTicks);
        var length = Encoding.UTF8.GetBytes(source, extra[28..]);
        Append(true, callSeq, payload, extra[..(28 + length)]);
    }

    private void Append(bool completion, long seq, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> extra)
    {
        var position = ++_position;
        _hasher.Link(_link, Chain.CallLane, position, payload, _link);
        JournalFrame.Add(_frame, completion, position, seq, payload, extra, _link);
        _rows++;
    }
}
