using System.Buffers.Binary;
using System.Text;

namespace Evose.Admin.Platform.Ledger;

/// <summary>What the rows of frames add to the counts, read from their bytes.</summary>
internal sealed class FrameSums
{
    private const int MaxNames = 10_000;

    private readonly Dictionary<string, string> _names = new(StringComparer.Ordinal);

    public Rollups Rollups { get; } = new();

    /// <summary>Under which names a call appears. Texts are UTF-8, empty for none.</summary>
    public void Named(ReadOnlySpan<byte> userId, ReadOnlySpan<byte> userName, ReadOnlySpan<byte> userEmail, ReadOnlySpan<byte> apiKey) =>
        Rollups.Named(NameOrNull(userId), NameOrNull(userName), NameOrNull(userEmail), NameOrNull(apiKey));

    /// <summary>A call that was let through and uses a credential.</summary>
    /// <param name="at">When it was, in ticks of UTC.</param>
    public void Call(ReadOnlySpan<byte> credential, int version, long at, ReadOnlySpan<byte> tool, ReadOnlySpan<byte> agent, ReadOnlySpan<byte> workflow, ReadOnlySpan<byte> userId, ReadOnlySpan<byte> apiKey) =>
        Rollups.Add(new Guid(credential, bigEndian: true), version, at, Source(tool, agent, workflow, userId, apiKey), new Counts { Calls = 1, LastTicks = at });

    /// <param name="extra">What the completion's row has beside its chained bytes; empty when no credential was used.</param>
    public void Completion(ReadOnlySpan<byte> extra, in Counts counts)
    {
        if (extra.IsEmpty) return;
        Rollups.Add(new Guid(extra[..16], bigEndian: true), BinaryPrimitives.ReadInt32LittleEndian(extra[16..]), BinaryPrimitives.ReadInt64LittleEndian(extra[20..]), Name(extra[28..]), counts);
    }

    /// <param name="written">False: the group did not become durable.</param>
    public void Clear(bool written)
    {
        Rollups.Clear(written);
        if (_names.Count > MaxNames) _names.Clear();
    }

    // The same as CallEntry.Source.
    private string Source(ReadOnlySpan<byte> tool, ReadOnlySpan<byte> agent, ReadOnlySpan<byte> workflow, ReadOnlySpan<byte> user, ReadOnlySpan<byte> key)
    {
        var length = tool.Length + agent.Length + workflow.Length + user.Length + key.Length + 4;
        var whole = length <= 1024 ? stackalloc byte[length] : new byte[length];
        var at = 0;
        Put(tool, whole, ref at);
        Put(agent, whole, ref at);
        Put(workflow, whole, ref at);
        Put(user, whole, ref at);
        key.CopyTo(whole[at..]);
        return Name(whole);
    }

    private static void Put(ReadOnlySpan<byte> part, Span<byte> whole, ref int at)
    {
        part.CopyTo(whole[at..]);
        at += part.Length;
        whole[at++] = 0x1f;
    }

    private string? NameOrNull(ReadOnlySpan<byte> utf8) => utf8.IsEmpty ? null : Name(utf8);

    // The same few sources come again and again: one string each.
    private string Name(ReadOnlySpan<byte> utf8)
    {
        var chars = utf8.Length <= 1024 ? stackalloc char[utf8.Length] : new char[utf8.Length];
        chars = chars[..Encoding.UTF8.GetChars(utf8, chars)];
        // No name of ours has one, and PostgreSQL takes none: what was put into a frame by others must not stop the copy.
        chars.Replace('\0', '\ufffd');
        var known = _names.GetAlternateLookup<ReadOnlySpan<char>>();
        if (known.TryGetValue(chars, out var name)) return name;
        name = chars.ToString();
        _names[name] = name;
        return name;
    }
}
