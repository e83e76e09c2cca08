using System.Text;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Audit;

/// <summary>
/// Writes where each chain stands into a file beside the database, every 30 s when it has moved and at shutdown: a database that is put back to an earlier, genuine state
/// no longer agrees with it. What is younger than the newest line is not covered by it.
/// </summary>
public sealed partial class AuditAnchor(IDbContextFactory<AdminDb> dbs, SecretVault vault, DataDirectory directory, IOptions<DataOptions> options, TimeProvider clock, ILogger<AuditAnchor> log) : BackgroundService
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _one = new(1, 1);
    private readonly Dictionary<string, long> _anchored = [];
    private long _lines;
    private bool _opened;

    /// <summary>True where a node with a file of its own may join an installation that is long under way: then the file's first lines need not be the chains' beginnings.</summary>
    public bool MayStartLate => options.Value.Provider == DataOptions.PostgresProvider;

    /// <summary>How many lines the file must have by now; 0 when this process has not opened it.</summary>
    public long Lines => Interlocked.Read(ref _lines);

    /// <summary>Finds the end of the file. A new installation gets its first lines, for chains without rows: that is how a removed beginning is told from a new one.</summary>
    public async Task OpenAsync(CancellationToken ct)
    {
        await _one.WaitAsync(ct);
        try
        {
            if (_opened || vault.IsSealed) return;
            foreach (var text in await ReadLinesAsync(ct))
            {
                Interlocked.Increment(ref _lines);
                // The number in the line counts, not its place: lines that were taken out must stay missing.
                if (AnchorLine.Parse(text) is not { } line) continue;
                Interlocked.Exchange(ref _lines, Math.Max(_lines, line.Number));
                _anchored[line.Lane] = Math.Max(_anchored.GetValueOrDefault(line.Lane), line.Seq);
            }
            await using var db = await dbs.CreateDbContextAsync(ct);
            if (_lines == 0 && !await db.ChainHeads.AnyAsync(ct) && !await db.AuditEvents.AnyAsync(ct) && !await db.Calls.AnyAsync(ct))
                await AppendAsync([(Chain.AuditLane, 0, Chain.Origin), (Chain.CallLane, 0, Chain.Origin)], ct);
            _opened = true;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>Appends a line for each lane that has moved; how many.</summary>
    public async Task<int> AnchorAsync(CancellationToken ct)
    {
        if (vault.IsSealed) return 0;
        await OpenAsync(ct);
        await _one.WaitAsync(ct);
        try
        {
            await using var db = await dbs.CreateDbContextAsync(ct);
            var moved = new List<(string, long, byte[])>();
            foreach (var head in await db.ChainHeads.AsNoTracking().OrderBy(h => h.Lane).ToListAsync(ct))
            {
                if (_anchored.TryGetValue(head.Lane, out var last) && head.Seq == last) continue;
                // A head that is not ours, or that went backwards, must not be given a genuine line.
                if (head.Seq < last || !HeadSeal.IsGenuine(vault, Chain.HeadBytes(head.Lane, head.Seq, head.Link), head.Mac)) LogNotOurs(head.Lane, head.Seq, last);
                else moved.Add((head.Lane, head.Seq, head.Link));
            }
            await AppendAsync(moved, ct);
            return moved.Count;
        }
        finally
        {
            _one.Release();
        }
    }

    /// <summary>The whole lines of the file as it is now; empty when there is none.</summary>
    public async Task<IReadOnlyList<string>> ReadLinesAsync(CancellationToken ct)
    {
        if (!File.Exists(directory.AuditAnchor)) return [];
        await using var file = new FileStream(directory.AuditAnchor, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var reader = new StreamReader(file, Encoding.UTF8);
        var text = await reader.ReadToEndAsync(ct);
        // What stands behind the last line break is being written at this moment, or was when the power went.
        var whole = text.LastIndexOf('\n');
        return whole < 0 ? [] : text[..whole].Split('\n');
    }

    public override async Task StartAsync(CancellationToken cancellationToken)
    {
        await OpenAsync(cancellationToken);
        // What this node can prove begins now, not at the first round.
        if (MayStartLate && Lines == 0) await AnchorAsync(cancellationToken);
        await base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // Real time, whatever the clock says: how old evidence may get does not depend on what day it is.
        using var timer = new PeriodicTimer(Interval);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken)) await TryAnchorAsync();
        }
        catch (OperationCanceledException)
        {
            // The last line is written by StopAsync, after the ledger has written its last row.
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        await TryAnchorAsync();
    }

    public override void Dispose()
    {
        _one.Dispose();
        base.Dispose();
    }

    // A full disk or a busy database must not end the anchoring: the next round tries again.
    private async Task TryAnchorAsync()
    {
        try
        {
            await AnchorAsync(CancellationToken.None);
        }
        catch (Exception e)
        {
            LogFailed(e.GetType().Name);
        }
    }

    // Opened anew each time: a file that was moved away meanwhile must not go on growing unseen.
    private async Task AppendAsync(IReadOnlyList<(string Lane, long Seq, byte[] Link)> heads, CancellationToken ct)
    {
        if (heads.Count == 0) return;
        await using var file = new FileStream(directory.AuditAnchor, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        var text = new StringBuilder();
        var number = _lines;
        await DropHalfLineAsync(file, ct);
        var lines = new List<AnchorLine>();
        foreach (var (lane, seq, link) in heads)
        {
            var line = AnchorLine.Of(++number, clock.GetUtcNow(), lane, seq, link);
            line = line with { Mac = Convert.ToHexStringLower(vault.AuditMac(line.Covered())) };
            text.Append(line.ToJson()).Append('\n');
            lines.Add(line);
        }
        await file.WriteAsync(Encoding.UTF8.GetBytes(text.ToString()), ct);
        file.Flush(flushToDisk: true);
        Interlocked.Exchange(ref _lines, number);
        foreach (var line in lines)
        {
            _anchored[line.Lane] = line.Seq;
            // Whoever collects the log has a second anchor, out of reach of who can write to this disk.
            LogAnchored(line.Lane, line.Seq, line.Link);
        }
    }

    // A power cut may leave half a line; it never counted. Leaves the file at its end.
    private static async Task DropHalfLineAsync(FileStream file, CancellationToken ct)
    {
        var tail = new byte[Math.Min(file.Length, 4096)];
        file.Seek(-tail.Length, SeekOrigin.End);
        await file.ReadExactlyAsync(tail, ct);
        if (tail.Length > 0 && tail[^1] != (byte)'\n') file.SetLength(file.Length - tail.Length + Array.LastIndexOf(tail, (byte)'\n') + 1);
        file.Seek(0, SeekOrigin.End);
    }

    [LoggerMessage(LogLevel.Information, "Audit anchor: {Lane} {Seq} {Link}")]
    private partial void LogAnchored(string lane, long seq, string link);

    [LoggerMessage(LogLevel.Critical, "The head of the audit lane {Lane} at {Seq} is not ours or went back behind {Anchored}; it was not anchored. Run: audit verify")]
    private partial void LogNotOurs(string lane, long seq, long anchored);

    [LoggerMessage(LogLevel.Error, "The audit anchor could not be written ({Error}); the next round tries again")]
    private partial void LogFailed(string error);
}
