using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Leaks;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Leaks;

/// <summary>
/// What is known of a leak as one file to keep: the report with its steps, the calls on the leaked version, the audit events of the credential since, and where the hash chains stood. The manifest holds the hash of
/// each part and is signed with the key of the audit trail, so that a changed file can be told. That it was taken is on record.
/// </summary>
public sealed class LeakEvidence(IDbContextFactory<AdminDb> dbs, LeakDetailQuery detail, UsageLedger ledger, Authorizer authorizer, SecretVault vault, TimeProvider clock)
{
    public const int MaxEvents = 20_000;

    private static readonly JsonSerializerOptions Line = new(ApiResults.Json) { WriteIndented = false };
    private static readonly JsonSerializerOptions Readable = new(ApiResults.Json) { WriteIndented = true };

    public sealed record Taken(string FileName, byte[] Zip);

    public async Task<IResult> AnswerAsync(Actor actor, string ws, Guid id, CancellationToken ct) =>
        (await TakeAsync(actor, ws, id, ct)).Failed(out var problem, out var taken) ? ApiResults.Of(problem) : Results.File(taken.Zip, "application/zip", taken.FileName);

    public async Task<Outcome<Taken>> TakeAsync(Actor actor, string ws, Guid id, CancellationToken ct)
    {
        await ledger.CaughtUpAsync(ct);
        if ((await authorizer.AuthorizeAsync(actor, ws, Permission.ViewAudit, ct)).Failed(out var refused, out var workspace)) return refused;
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var report = await db.LeakReports.Include(r => r.Steps).SingleOrDefaultAsync(r => r.Id == id && r.WorkspaceId == workspace.Id, ct);
        if (report is null) return Problem.NotFound("report");
        var now = clock.GetUtcNow();
        LeakDesk.Note(db, report, LeakAct.EvidenceTaken, actor, now, null);
        AuditTrail.Append(db, now, actor, AuditAction.LeakEvidenceTaken, new AuditSubject(report.WorkspaceId, report.Credential ?? "unknown", report.Id, report.CredentialId), "Report, calls and audit events as a file.");
        await db.SaveChangesAsync(ct);

        var (credential, since) = (report.CredentialId, report.SuspectedSince);
        var events = await db.AuditEvents.AsNoTracking().Where(e => e.SubjectId == report.Id || (credential != null && e.CredentialId == credential && e.At >= since)).OrderBy(e => e.Seq).Take(MaxEvents).ToListAsync(ct);
        var calls = credential is null ? [] : await detail.CallsAsync(report, ct);
        var heads = await db.ChainHeads.AsNoTracking().OrderBy(h => h.Lane).ToListAsync(ct);
        await write.CommitAsync(ct);
        return new Taken($"leak-{report.Credential ?? "unknown"}-{report.ReportedAt:yyyyMMdd}-{report.Id:N}.zip", Pack(workspace.Slug, report, events, calls, heads, now));
    }

    private byte[] Pack(string slug, LeakReport report, List<AuditEvent> events, List<Domain.Calls.CallRecord> calls, List<ChainHead> heads, DateTimeOffset now)
    {
        var parts = new (string Name, byte[] Bytes)[]
        {
            ("report.json", JsonSerializer.SerializeToUtf8Bytes(new
            {
                workspace = slug, report = LeaksFeature.Shape(LeakListQuery.Of(report)),
                steps = report.Steps.OrderBy(s => s.At).ThenBy(s => s.Act).Select(s => new { act = s.Act.Wire(), by = s.By, at = s.At.UtcDateTime, note = s.Note }),
            }, Readable)),
            ("calls.jsonl", Lines(calls.AsEnumerable().Reverse().Select(c => (object)new
            {
                seq = c.Seq, at = c.At.UtcDateTime, tool = c.Tool, agent = c.Agent, workflow = c.Workflow, run_id = c.RunId, user_id = c.UserId, user_name = c.UserName, user_email = c.UserEmail, api_key = c.ApiKey, ip = c.Ip,
                credential = c.Credential, version = c.Version, method = c.Method, host = c.Host, path = c.Path, refused = c.Refused, rule = c.Rule, request_id = c.RequestId, link = Convert.ToHexStringLower(c.Link),
            }))),
            ("audit.jsonl", Lines(events.Select(e => (object)new
            {
                seq = e.Seq, at = e.At.UtcDateTime, actor = e.ActorName, ip = e.Ip, action = e.Action.Wire(), outcome = e.Outcome.ToString().ToLowerInvariant(), subject = e.Subject, detail = e.Detail, request_id = e.RequestId,
                link = Convert.ToHexStringLower(e.Link),
            }))),
            ("chain.json", JsonSerializer.SerializeToUtf8Bytes(heads.Select(h => new { lane = h.Lane, seq = h.Seq, link = Convert.ToHexStringLower(h.Link) }), Readable)),
        };
        var manifest = JsonSerializer.SerializeToUtf8Bytes(new
        {
            report = report.Id, made_at = now.UtcDateTime, complete = calls.Count <= LeakDetailQuery.MaxCalls && events.Count < MaxEvents,
            parts = parts.Select(p => new { name = p.Name, bytes = p.Bytes.Length, sha256 = Convert.ToHexStringLower(SHA256.HashData(p.Bytes)) }),
        }, Readable);
        using var stream = new MemoryStream();
        using (var zip = new ZipArchive(stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var (name, bytes) in parts.Append(("manifest.json", manifest)).Append(("manifest.sig", Encoding.ASCII.GetBytes(Convert.ToHexStringLower(Sign(vault, manifest)) + "\n"))))
            {
                using var entry = zip.CreateEntry(name).Open();
                entry.Write(bytes);
            }
        return stream.ToArray();
    }

    /// <summary>The signature of a manifest: keyed, so it can be made and checked by this installation alone.</summary>
    public static byte[] Sign(SecretVault vault, ReadOnlySpan<byte> manifest)
    {
        var domain = "evose/leak-evidence/1\n"u8;
        var whole = new byte[domain.Length + manifest.Length];
        domain.CopyTo(whole);
        manifest.CopyTo(whole.AsSpan(domain.Length));
        return vault.AuditMac(whole);
    }

    private static byte[] Lines(IEnumerable<object> rows)
    {
        using var stream = new MemoryStream();
        foreach (var row in rows)
        {
            JsonSerializer.Serialize(stream, row, Line);
            stream.WriteByte((byte)'\n');
        }
        return stream.ToArray();
    }
}
