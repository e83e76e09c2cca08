using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Features.Audit;

namespace Evose.Admin.Tests.Features.Audit;

public sealed class AuditExportTests
{
    public static TheoryData<string> Nasty =>
    [
        "=HYPERLINK(\"http://evil.test\",\"x\")", "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", "  =1+1", "\u00a0=1+1", "＝1+1", "＠SUM(1)", "a;=1+1", "a,=1+1", "\"=1+1", "\",=1+1,\"", "a|@x",
        "line\r\nforged,line,of,log", "\u001b[2Jred", "\u202egnp.exe", "\u2028two\u2029three", "\u0085next", "\u200b=1+1", "\ufeff=1+1", "plain \"quoted\" text", "a\0b", "=cmd|' /C calc'!A0",
    ];

    [Theory]
    [MemberData(nameof(Nasty))]
    public async Task No_text_becomes_a_formula_a_second_line_or_a_second_cell(string text)
    {
        var csv = await CsvAsync(Row(text));
        Assert.Equal([0xEF, 0xBB, 0xBF], csv[..3]);
        var body = Encoding.UTF8.GetString(csv.AsSpan(3));
        Assert.EndsWith("\r\n", body);
        var lines = body[..^2].Split("\r\n");
        Assert.Equal(2, lines.Length);
        Assert.DoesNotContain(lines[1], c => char.IsControl(c) || c is '\u2028' or '\u2029' or '\u202e');
        var (header, cells) = (Cells(lines[0]), Cells(lines[1]));
        Assert.Equal(header.Count, cells.Count);
        // However a spreadsheet cuts the line, no piece starts a formula.
        foreach (var piece in cells.Concat(lines[1].Split(',', ';', '|', '"')))
            Assert.False(piece.Trim() is { Length: > 0 } t && "=+-@＝＋－＠".Contains(t[0], StringComparison.Ordinal), piece);
        Assert.Equal("GET", cells[header.IndexOf("method")]);
    }

    [Theory]
    [MemberData(nameof(Nasty))]
    public async Task A_json_line_is_one_line_with_the_text_but_no_control_characters(string text)
    {
        using var stream = new MemoryStream();
        await AuditExport.WriteJsonLinesAsync(Rows(Row(text), Row("second")), stream, CancellationToken.None);
        var lines = Encoding.UTF8.GetString(stream.ToArray()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        using var json = JsonDocument.Parse(lines[0]);
        Assert.DoesNotContain(json.RootElement.GetProperty("user_name").GetString()!, char.IsControl);
    }

    [Fact]
    public async Task Ordinary_text_and_empty_cells_stay_as_they_are()
    {
        var cells = Cells(Encoding.UTF8.GetString(await CsvAsync(Row("Ada \"the first\", of England"))).Split("\r\n")[1]);
        Assert.Contains("Ada \"the first\", of England", cells);
        Assert.Contains("", cells);
    }

    private static AuditRow Row(string text) => new("calls-1", DateTimeOffset.UnixEpoch, Chain.CallLane, "cs", new AuditRow.Who("api_key", null, text, text), "credential.used", "succeeded", text, text, 1, text, text, text,
        text, text, text, null, text, "GET", text, text, 200, 1.5, text, text, text, 1, "00");

    private static async Task<byte[]> CsvAsync(AuditRow row)
    {
        using var stream = new MemoryStream();
        await AuditExport.WriteCsvAsync(Rows(row), stream, CancellationToken.None);
        return stream.ToArray();
    }

    private static async IAsyncEnumerable<AuditRow> Rows(params AuditRow[] rows)
    {
        await Task.CompletedTask;
        foreach (var row in rows) yield return row;
    }

    // RFC 4180, read the way it is written down there.
    private static List<string> Cells(string line)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        var quoted = false;
        for (var i = 0; i < line.Length; i++)
        {
            if (quoted && line[i] == '"' && i + 1 < line.Length && line[i + 1] == '"') cell.Append(line[i++]);
            else if (line[i] == '"') quoted = !quoted;
            else if (line[i] == ',' && !quoted)
            {
                cells.Add(cell.ToString());
                cell.Clear();
            }
            else cell.Append(line[i]);
        }
        Assert.False(quoted);
        cells.Add(cell.ToString());
        return cells;
    }
}
