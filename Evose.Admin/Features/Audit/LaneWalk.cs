using Evose.Admin.Platform.Vault;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;

namespace Evose.Admin.Features.Audit;

/// <summary>Walks one lane row by row: each must follow the one before, have the link that its bytes give, and agree with the anchors.</summary>
internal sealed class LaneWalk(string lane, IReadOnlyList<AnchorLine> anchors)
{
    private int _anchor;

    public string Lane => lane;

    /// <summary>The last row that was as it should be.</summary>
    public long Seq { get; private set; }

    public byte[] Link { get; } = new byte[Chain.LinkLength];

    /// <summary>Goes on behind rows that were dropped by policy.</summary>
    public ChainBreak? Begin(long seq, ReadOnlySpan<byte> link)
    {
        for (; _anchor < anchors.Count && anchors[_anchor].Seq <= seq; _anchor++)
            if (anchors[_anchor].Seq == seq && anchors[_anchor].Link != Convert.ToHexStringLower(link))
                return Break(seq, $"is not the one that was anchored at {anchors[_anchor].At}: the chain was written anew");
        link.CopyTo(Link);
        Seq = seq;
        return null;
    }

    public ChainBreak? Step(long seq, ReadOnlySpan<byte> payload, ReadOnlySpan<byte> stored)
    {
        if (seq > Seq + 1) return Break(Seq + 1, "is missing");
        if (seq < Seq + 1) return Break(seq, "is there twice: one was added");
        Span<byte> link = stackalloc byte[Chain.LinkLength];
        Chain.Link(Link, lane, seq, payload, link);
        if (!link.SequenceEqual(stored)) return Break(seq, "is not as the app wrote it");
        for (; _anchor < anchors.Count && anchors[_anchor].Seq <= seq; _anchor++)
            if (anchors[_anchor].Seq == seq && anchors[_anchor].Link != Convert.ToHexStringLower(link))
                return Break(seq, $"is not the one that was anchored at {anchors[_anchor].At}: the chain was written anew");
        link.CopyTo(Link);
        Seq = seq;
        return null;
    }

    /// <summary>What was anchored must still be there.</summary>
    public ChainBreak? EndOfAnchors() => _anchor < anchors.Count && anchors[^1].Seq > Seq
        ? Break(Seq + 1, $"is missing: at {anchors[^1].At} the chain stood at {anchors[^1].Seq}, so its tail was cut off or an older database was put back")
        : null;

    public ChainBreak Break(long seq, string what) => new(lane, seq, $"Row {seq} {what}.");
}

/// <summary>The anchor file, checked in itself: numbered without gaps from the chain's beginning, each line with our MAC, never going back.</summary>
internal sealed class Anchors
{
    public const string Lane = "anchor";

    private readonly Dictionary<string, List<AnchorLine>> _lanes = new() { [Chain.AuditLane] = [], [Chain.CallLane] = [] };
    private ChainBreak? _broken;
    private long _lines;
    private bool _mayStartLate;

    public static Anchors Read(IReadOnlyList<string> lines, long atLeast, Platform.Vault.SecretVault vault, bool mayStartLate)
    {
        var anchors = new Anchors { _lines = lines.Count, _mayStartLate = mayStartLate };
        for (var i = 0; i < lines.Count; i++) anchors.Add(i + 1, AnchorLine.Parse(lines[i]), vault);
        if (lines.Count < atLeast) anchors._broken ??= new ChainBreak(Lane, lines.Count + 1, $"Line {lines.Count + 1} of the anchor file is missing: the app has written {atLeast}.");
        return anchors;
    }

    /// <summary>The genuine lines of a lane, in order.</summary>
    public IReadOnlyList<AnchorLine> Of(string lane) => _lanes.GetValueOrDefault(lane) ?? [];

    /// <summary>A lane that was anchored and of which nothing is left.</summary>
    public ChainBreak? LanesWithout(IEnumerable<string> known) =>
        _lanes.Keys.Except(known).FirstOrDefault() is { } gone ? new ChainBreak(gone, 1, "The lane was anchored and is gone.") : null;

    public ChainBreak? Check(bool hasRows) => _broken
        ?? (hasRows && _lines == 0 && !_mayStartLate ? new ChainBreak(Lane, 1, "The anchor file is missing.") : null);

    private void Add(long place, AnchorLine? line, Platform.Vault.SecretVault vault)
    {
        if (line is null || !HeadSeal.IsGenuine(vault, line.Covered(), MacOf(line)))
        {
            _broken ??= new ChainBreak(Lane, place, $"Line {place} of the anchor file is not as the app wrote it.");
            return;
        }
        // Place and number part where a line was taken out or put in; what follows is genuine all the same.
        if (line.Number != place) _broken ??= new ChainBreak(Lane, place, $"Line {place} of the anchor file is missing or was moved: its place holds number {line.Number}.");
        if (!_lanes.TryGetValue(line.Lane, out var lane)) _lanes[line.Lane] = lane = [];
        // A lane of another node may be anchored here for the first time when it is long under way.
        if (lane.Count == 0 && line.Seq != 0 && !_mayStartLate && (line.Lane is Chain.AuditLane or Chain.CallLane)) _broken ??= new ChainBreak(Lane, place, "The anchor file does not start with the chain's beginning: lines were removed.");
        if (lane.Count > 0 && line.Seq < lane[^1].Seq)
        {
            _broken ??= new ChainBreak(Lane, place, $"Line {place} of the anchor file goes back: an older line was put in.");
            return;
        }
        lane.Add(line);
    }

    private static byte[] MacOf(AnchorLine line)
    {
        try
        {
            return Convert.FromHexString(line.Mac);
        }
        catch (FormatException)
        {
            return [];
        }
    }
}
