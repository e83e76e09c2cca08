using System.Buffers;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Evose.Admin.Domain.Audit;

namespace Evose.Admin.Platform.Audit;

/// <summary>One line of the anchor file: where a lane's chain stood at a moment. The MAC covers the line's number too, so that a line cannot be taken out.</summary>
public sealed record AnchorLine(
    [property: JsonPropertyName("n")] long Number,
    [property: JsonPropertyName("at")] string At,
    [property: JsonPropertyName("lane")] string Lane,
    [property: JsonPropertyName("seq")] long Seq,
    [property: JsonPropertyName("link")] string Link,
    [property: JsonPropertyName("mac")] string Mac)
{
    public static AnchorLine Of(long number, DateTimeOffset at, string lane, long seq, ReadOnlySpan<byte> link) =>
        new(number, at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture), lane, seq, Convert.ToHexStringLower(link), "");

    /// <summary>What the MAC covers.</summary>
    public byte[] Covered()
    {
        var p = new ChainPayload(new ArrayBufferWriter<byte>(192));
        p.Text("evose/audit-anchor/1");
        p.Number(Number);
        p.Text(At);
        p.Text(Lane);
        p.Number(Seq);
        p.Text(Link);
        return p.Written.ToArray();
    }

    public string ToJson() => JsonSerializer.Serialize(this, JsonSerializerOptions.Default);

    /// <summary>Null when the text is not a line of ours.</summary>
    public static AnchorLine? Parse(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<AnchorLine>(text, JsonSerializerOptions.Default) is { At: not null, Lane: not null, Link: not null, Mac: not null } line ? line : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
