using System.Buffers.Text;
using System.Text;
using Evose.Admin.Domain;

namespace Evose.Admin.Platform.Web;

/// <summary>One page of a list: <c>{data, next_cursor, has_more}</c>. The cursor is the last row's sort key, so a page costs the same wherever it is.</summary>
public sealed record Page<T>(IReadOnlyList<T> Data, string? NextCursor, bool HasMore)
{
    /// <summary>Makes a page from up to <c>limit + 1</c> rows.</summary>
    public static Page<T> Of(IReadOnlyList<T> rows, int limit, Func<T, string> key) =>
        rows.Count > limit ? new([.. rows.Take(limit)], Cursors.Encode(key(rows[limit - 1])), true) : new(rows, null, false);

    public Page<TOther> Select<TOther>(Func<T, TOther> shape) => new([.. Data.Select(shape)], NextCursor, HasMore);
}

/// <summary>Reads <c>limit</c> and <c>cursor</c>.</summary>
public static class Cursors
{
    public static string Encode(string key) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(key));

    /// <summary>The key of the last row already seen; null for the first page.</summary>
    public static Outcome<string?> Decode(string? cursor)
    {
        if (string.IsNullOrEmpty(cursor)) return (string?)null;
        try
        {
            return Encoding.UTF8.GetString(Base64Url.DecodeFromChars(cursor));
        }
        catch (FormatException)
        {
            return Problem.Malformed("The cursor is not one of ours. Start again without it.");
        }
    }

    /// <summary>20 when not given, 1 to 100.</summary>
    public static Outcome<int> Limit(int? limit) => limit switch
    {
        null => 20,
        >= 1 and <= 100 => limit.Value,
        _ => Problem.Malformed("limit must be 1 to 100."),
    };
}
