using System.Buffers;
using System.Buffers.Binary;
using System.Text;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.Ledger;

/// <summary>Turns the entries of a group into a frame of one lane: numbers the calls, chains the rows, signs the head. Used by the lane's one writer.</summary>
internal sealed class FrameWriter(int lane, SecretVault vault) : IDisposable
{
    private readonly string _chain = CallNumber.ChainOf(lane);
    private readonly ArrayBufferWriter<byte> _frame = new(1 << 16);
    private readonly ArrayBufferWriter<byte> _payload = new(1024);
    private readonly byte[] _link = new byte[Chain.LinkLength];
    private readonly ChainHasher _hasher = new();
    private CallNumbers _numbers = new(lane, 0);
    private int _rows;

    /// <summary>The place of the chain's last row.</summary>
    public long Position { get; private set; }

    /// <summary>Rows of the present frame.</summary>
    public int Rows => _rows;

    public int Length => _frame.WrittenCount;

    /// <summary>Where the chain stands.</summary>
    public (long Position, byte[] Link, long LastNumber) Place
    {
        get => (Position, [.. _link], _numbers.Last);
        set
        {
            Position = value.Position;
            value.Link.CopyTo(_link, 0);
            _numbers = new CallNumbers(lane, value.LastNumber);
        }
    }

    /// <summary>Starts a frame.</summary>
    public void Begin()
    {
        _frame.Clear();
        _rows = 0;
        JournalFrame.Begin(_frame);
    }

    /// <summary>Adds a call, unless it was decided at another stamp than the latest: then it is stale. Or adds a completion.</summary>
    public void Add(LedgerItem item, long latest, DateTimeOffset now)
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
        item.FirstSeq = _numbers.Next(now, entry.Rows);
        for (var i = 0; i < entry.Rows; i++)
        {
            _payload.Clear();
            var payload = new CallFacts(entry, item.FirstSeq + i, i < entry.Uses.Count ? entry.Uses[i] : null).Write(new ChainPayload(_payload));
            Append(false, item.FirstSeq + i, payload, []);
        }
    }

    /// <summary>Ends the frame, under the MAC of the lane's head. Valid until the next begins.</summary>
    public ArrayBufferWriter<byte> End()
    {
        JournalFrame.End(_frame, _rows, vault.AuditMac(Chain.HeadBytes(_chain, Position, _link)));
        return _frame;
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
        var position = checked(++Position);
        _hasher.Link(_link, _chain, position, payload, _link);
        JournalFrame.Add(_frame, completion, position, seq, payload, extra, _link);
        _rows++;
    }

    public void Dispose() => _hasher.Dispose();
}
