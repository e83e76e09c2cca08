using System.Globalization;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.Audit;

/// <summary>Writes audit rows as CSV (RFC 4180, with byte order mark) or JSON lines: one event is one line, and no cell can become a formula.</summary>
public static class AuditExport
{
    public const int MaxRows = 100_000;

    private static readonly JsonSerializerOptions Line = new(ApiResults.Json) { WriteIndented = false };

    private static readonly string[] Columns =
    [
        "id", "created_at", "source", "workspace", "actor_kind", "actor_id", "actor_name", "actor_ip", "action", "outcome", "subject", "credential", "version", "tool", "agent", "workflow", "run_id",
        "user_id", "user_name", "user_email", "api_key", "method", "host", "path", "status", "duration_ms", "rule", "request_id", "detail", "seq", "link",
    ];

    /// <summary>The answer that streams the export, or the problem's.</summary>
    public static async Task<IResult> AnswerAsync(AuditQuery query, Actor actor, AuditFilter filter, string? format, TimeProvider clock, CancellationToken ct)
    {
        if (format is not (null or "csv" or "jsonl")) return ApiResults.Of(Problem.Malformed("format must be csv or jsonl."));
        format ??= "csv";
        if ((await query.StreamAsync(actor, filter, MaxRows, format, ct)).Failed(out var problem, out var rows)) return ApiResults.Of(problem);
        var name = $"audit-{clock.GetUtcNow().UtcDateTime.ToString("yyyyMMdd'T'HHmmss'Z'", CultureInfo.InvariantCulture)}.{format}";
        return Results.Stream(body => format == "csv" ? WriteCsvAsync(rows, body, ct) : WriteJsonLinesAsync(rows, body, ct), format == "csv" ? "text/csv; charset=utf-8" : "application/x-ndjson", name);
    }

    public static async Task WriteCsvAsync(IAsyncEnumerable<AuditRow> rows, Stream body, CancellationToken ct)
    {
        await using var writer = new StreamWriter(body, new UTF8Encoding(encoderShouldEmitUTF8Identifier: true), 32 * 1024, leaveOpen: true) { NewLine = "\r\n" };
        await writer.WriteLineAsync(string.Join(',', Columns));
        var line = new StringBuilder(512);
        await foreach (var r in rows.WithCancellation(ct))
        {
            line.Clear();
            ReadOnlySpan<string?> cells =
            [
                r.Id, Instant(r.CreatedAt), r.Source, r.Workspace, r.Actor.Kind, r.Actor.Id?.ToString(), r.Actor.Name, r.Actor.Ip, r.Action, r.Outcome, r.Subject, r.Credential, Number(r.Version), r.Tool,
                r.Agent, r.Workflow, r.RunId, r.UserId, r.UserName, r.UserEmail, r.ApiKey, r.Method, r.Host, r.Path, Number(r.Status), Number(r.DurationMs), r.Rule, r.RequestId, r.Detail, Number(r.Seq), r.Link,
            ];
            foreach (var cell in cells) Append(line, cell);
            line.Length--;
            await writer.WriteLineAsync(line, ct);
        }
    }

    public static async Task WriteJsonLinesAsync(IAsyncEnumerable<AuditRow> rows, Stream body, CancellationToken ct)
    {
        await using var writer = new StreamWriter(body, new UTF8Encoding(false), 32 * 1024, leaveOpen: true) { NewLine = "\n" };
        await foreach (var row in rows.WithCancellation(ct)) await writer.WriteLineAsync(JsonSerializer.Serialize(Clean(row), Line).AsMemory(), ct);
    }

    /// <summary>The text as a CSV cell's content: without control characters, and with an apostrophe before whatever a spreadsheet would take for a formula, also behind a separator.</summary>
    public static string Inert(string text)
    {
        var kept = new StringBuilder(text.Length + 4);
        var starts = true;
        foreach (var c in text)
        {
            if (IsControl(c)) continue;
            if (starts && (c is '=' or '+' or '-' or '@' or '\uff1d' or '\uff0b' or '\uff0d' or '\uff20')) kept.Append('\'');
            kept.Append(c);
            if (c is ',' or ';' or '|' or '"') starts = true;
            else if (!char.IsWhiteSpace(c)) starts = false;
        }
        return kept.ToString();
    }

    private static void Append(StringBuilder line, string? cell)
    {
        if (cell is { Length: > 0 }) line.Append('"').Append(Inert(cell).Replace("\"", "\"\"", StringComparison.Ordinal)).Append('"');
        line.Append(',');
    }

    // What ends a line, moves a cursor or turns the direction of reading.
    private static bool IsControl(char c) => char.IsControl(c) || c is '\u2028' or '\u2029' or '\ufeff' or (>= '\u200b' and <= '\u200f') or (>= '\u202a' and <= '\u202e') or (>= '\u2066' and <= '\u2069');

    private static string? Clean(string? text) => text is null || !text.Any(IsControl) ? text : new string([.. text.Where(c => !IsControl(c))]);

    private static AuditRow Clean(AuditRow r) => r with
    {
        Actor = r.Actor with { Name = Clean(r.Actor.Name)!, Ip = Clean(r.Actor.Ip) }, Subject = Clean(r.Subject), Credential = Clean(r.Credential), Tool = Clean(r.Tool), Agent = Clean(r.Agent),
        Workflow = Clean(r.Workflow), RunId = Clean(r.RunId), UserId = Clean(r.UserId), UserName = Clean(r.UserName), UserEmail = Clean(r.UserEmail), ApiKey = Clean(r.ApiKey),
        Method = Clean(r.Method), Host = Clean(r.Host), Path = Clean(r.Path), Rule = Clean(r.Rule), RequestId = Clean(r.RequestId), Detail = Clean(r.Detail),
    };

    private static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);

    private static string? Number(IFormattable? number) => number?.ToString(null, CultureInfo.InvariantCulture);
}
