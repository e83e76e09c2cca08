using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Demo;

/// <summary>
/// A workspace that shows the product alive: credentials in every state, consumers, thirty days of calls, a rotation in its grace period. Values are obviously fake.
/// Made once; at later starts only the tools' address follows the app's.
/// </summary>
public sealed class DemoData(IDbContextFactory<AdminDb> dbs, SecretVault vault, UsageLedger ledger, TimeProvider clock)
{
    public const string Slug = "demo";
    public const string ValuePrefix = "sk-demo-";

    private static readonly (string Tool, string Credential, string Description)[] Tools =
    [
        ("gpt-call", "openai_prod", "Chat completions for customer answers"),
        ("send-mail", "sendgrid_prod", "Order and shipping mails"),
        ("crm-lookup", "crm_staging", "Customer records by phone number"),
        ("open-ticket", "tickets_dev", "Opens a ticket in the tracker"),
    ];

    /// <summary>Makes the workspace unless it exists, points its tools at <paramref name="origin"/>, and gives the demo's traffic a key of its own. Null when the vault is sealed.</summary>
    public async Task<string?> PrepareAsync(Uri origin, CancellationToken ct)
    {
        if (vault.IsSealed) return null;
        var now = clock.GetUtcNow();
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var workspace = await db.Workspaces.SingleOrDefaultAsync(w => w.Slug == Slug, ct);
        var isNew = workspace is null;
        if (isNew) workspace = Build(db, origin, now);
        else await PointAsync(db, workspace!.Id, origin, now, ct);
        var key = await KeyAsync(db, workspace!.Id, now, ct);
        await write.CommitAsync(ct);
        await write.DisposeAsync();
        if (isNew) await HistoryAsync(workspace.Id, now, ct);
        return key;
    }

    private Workspace Build(AdminDb db, Uri origin, DateTimeOffset now)
    {
        var actor = Actor.Job("demo-data");
        var workspace = new Workspace(Guid.CreateVersion7(now), Slug, "Demo: customer service", now) { IsDemo = true };
        db.Add(workspace);
        AuditTrail.Append(db, now, actor, AuditAction.DemoDataCreated, new AuditSubject(workspace.Id, Slug, workspace.Id));
        var tools = Tools.ToDictionary(t => t.Tool, t => Consumer(db, workspace, ConsumerKind.Tool, t.Tool, t.Description, now, [], Config(origin, t.Tool, t.Credential)));
        var agent = Consumer(db, workspace, ConsumerKind.Agent, "cs-pro", "Answers customers", now, [tools["gpt-call"].Id, tools["crm-lookup"].Id, tools["open-ticket"].Id]);
        var sales = Consumer(db, workspace, ConsumerKind.Agent, "sales-helper", "Follows up on offers", now, [tools["gpt-call"].Id, tools["send-mail"].Id]);
        var digest = Consumer(db, workspace, ConsumerKind.Workflow, "nightly-digest", "Sums up the day and mails it", now, [sales.Id, tools["send-mail"].Id]);
        foreach (var (tool, credential, _) in Tools) db.Add(new Reference { WorkspaceId = workspace.Id, ToolId = tools[tool].Id, CredentialName = credential, Place = "headers.Authorization" });

        Credential(db, workspace, "openai_prod", "OpenAI production key, used by business calls", "openai", now.AddDays(6), [tools["gpt-call"], agent, sales], origin, now);
        var mail = Credential(db, workspace, "sendgrid_prod", "Transactional mail", "sendgrid", now.AddDays(45), [tools["send-mail"], sales, digest], origin, now);
        var crm = Credential(db, workspace, "crm_staging", "Read-only CRM token", null, null, [tools["crm-lookup"], agent], origin, now);
        Credential(db, workspace, "tickets_dev", "Issue tracker of the test team", null, now.AddDays(-2), [tools["open-ticket"]], origin, now);
        StartRotation(db, mail, now);
        ReportLeak(db, crm, now);
        return workspace;
    }

    private static ToolConfig Config(Uri origin, string tool, string credential) => new(
        new Uri(origin, $"/demo/upstream/{tool}").ToString(), null, new Dictionary<string, string> { ["Authorization"] = $"Bearer {{{{credential:{credential}}}}}" }, new Dictionary<string, string>(), null);

    private Consumer Consumer(AdminDb db, Workspace workspace, ConsumerKind kind, string name, string description, DateTimeOffset now, Guid[] uses, ToolConfig? config = null)
    {
        var consumer = new Consumer(Guid.CreateVersion7(now), workspace.Id, kind, name, now) { Description = description, Config = config };
        foreach (var to in uses) db.Add(new ConsumerLink { FromId = consumer.Id, ToId = to });
        consumer.PolicyMac = PolicySeal.Of(vault, consumer, uses);
        db.Add(consumer);
        AuditTrail.Append(db, now, Actor.Job("demo-data"), AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true));
        return consumer;
    }

    private Credential Credential(AdminDb db, Workspace workspace, string name, string description, string? provider, DateTimeOffset? expires, Consumer[] scope, Uri origin, DateTimeOffset now)
    {
        var credential = Domain.Credentials.Credential.Register(Guid.CreateVersion7(now), workspace.Id, name, CredentialType.ApiKey, now);
        (credential.Description, credential.Provider) = (description, provider);
        credential.Expire(expires);
        AddVersion(credential, now);
        credential.Promote(now);
        credential.ChangePolicy(scope.Select(s => new ScopeMember { CredentialId = credential.Id, ConsumerId = s.Id, Kind = s.Kind }), [origin.Authority], c => PolicySeal.Of(vault, c));
        db.Add(credential);
        AuditTrail.Append(db, now, Actor.Job("demo-data"), AuditAction.CredentialRegistered, AuditSubject.Credential(credential, policy: true));
        return credential;
    }

    private void AddVersion(Credential credential, DateTimeOffset now)
    {
        using var value = Plaintext.CopyOf(Encoding.ASCII.GetBytes(ValuePrefix + credential.Name + "-v" + credential.NextVersionNumber));
        var address = new SecretAddress(credential.WorkspaceId, credential.Id, credential.NextVersionNumber);
        credential.AddVersion(Guid.CreateVersion7(now), vault.Seal(address, new Dictionary<string, Plaintext> { [Domain.Credentials.Credential.MainField] = value }), vault.Fingerprint(value), "demo-data", now);
    }

    // The second version is live, the first retires in twenty hours: the wizard opens at its fourth step.
    private void StartRotation(AdminDb db, Credential credential, DateTimeOffset now)
    {
        AddVersion(credential, now);
        var rotation = Domain.Credentials.Rotation.Start(Guid.CreateVersion7(now), credential, 2, "demo-data", now);
        rotation.SkipVerification("demo data");
        credential.Promote(now);
        rotation.Promote(1, "demo-data", now, now.AddHours(20));
        db.Add(rotation);
        AuditTrail.Append(db, now, Actor.Job("demo-data"), AuditAction.RotationPromoted, AuditSubject.Credential(credential));
    }

    /// <summary>The report that the demo shows.</summary>
    public static readonly Guid LeakId = new("019a0000-0000-7000-8000-000000000001");

    // Somebody pasted a log into a chat two days ago.
    private static void ReportLeak(AdminDb db, Credential credential, DateTimeOffset now)
    {
        var actor = Actor.Job("demo-data");
        var report = new LeakReport(LeakId, credential.WorkspaceId, LeakSource.Check, actor.Name, now.AddHours(-3))
        {
            Note = "A log with the header was pasted into the support chat.", SuspectedSince = now.AddDays(-2),
        }.Concerns(credential, 1);
        db.Add(report);
        db.Add(report.Remember(Guid.CreateVersion7(now), LeakAct.Reported, actor.Name, now.AddHours(-3), LeakSource.Check.Sentence()));
        AuditTrail.Append(db, now, actor, AuditAction.LeakReported, new AuditSubject(credential.WorkspaceId, credential.Name, report.Id, credential.Id), "Demo data.");
    }

    private async Task PointAsync(AdminDb db, Guid workspaceId, Uri origin, DateTimeOffset now, CancellationToken ct)
    {
        var tools = await db.Consumers.Where(c => c.WorkspaceId == workspaceId && c.Kind == ConsumerKind.Tool && c.DeletedAt == null).ToListAsync(ct);
        foreach (var (tool, credential, _) in Tools)
        {
            if (tools.Find(t => t.Name == tool) is not { Config: { } config } row || config.BaseUrl == Config(origin, tool, credential).BaseUrl || !config.BaseUrl.Contains("/demo/upstream/", StringComparison.Ordinal)) continue;
            row.Config = config with { BaseUrl = Config(origin, tool, credential).BaseUrl };
            row.Revision++;
            row.PolicyMac = PolicySeal.Of(vault, row, []);
            AuditTrail.Append(db, now, Actor.Job("demo-data"), AuditAction.ConsumerSaved, AuditSubject.Consumer(row, policy: true));
        }
        foreach (var credential in await db.Credentials.Include(c => c.ScopeMembers).Where(c => c.WorkspaceId == workspaceId && c.ArchivedAt == null).ToListAsync(ct))
        {
            if (credential.AllowedHosts.Contains(origin.Authority) || !Tools.Any(t => t.Credential == credential.Name)) continue;
            credential.ChangePolicy([.. credential.ScopeMembers], [origin.Authority], c => PolicySeal.Of(vault, c));
            AuditTrail.Append(db, now, Actor.Job("demo-data"), AuditAction.CredentialPolicyChanged, AuditSubject.Credential(credential, policy: true));
        }
    }

    // The key lives only in this process: every start has a new one and revokes the last.
    private async Task<string> KeyAsync(AdminDb db, Guid workspaceId, DateTimeOffset now, CancellationToken ct)
    {
        foreach (var old in await db.ApiKeys.Where(k => k.Name == "demo traffic" && k.CreatedBy == "demo-data" && k.RevokedAt == null).ToListAsync(ct))
        {
            old.RevokedAt = now;
            AuditTrail.Append(db, now, Actor.Job("demo-data"), AuditAction.ApiKeyRevoked, new AuditSubject(workspaceId, old.Name, old.Id));
        }
        var token = ApiKeyToken.Compose(Draws());
        var key = new ApiKey { Id = Guid.CreateVersion7(now), PublicId = token.Substring(4, ApiKeyToken.PublicIdLength), Hash = vault.ApiKeyHash(token), Name = "demo traffic", Scopes = [ApiKeyScopes.ToolInvoke], WorkspaceIds = [workspaceId], CreatedAt = now, CreatedBy = "demo-data" };
        db.Add(key);
        AuditTrail.Append(db, now, Actor.Job("demo-data"), AuditAction.ApiKeyIssued, new AuditSubject(workspaceId, key.Name, key.Id), "scopes tool:invoke");
        return token;
    }

    private static byte[] Draws()
    {
        var draws = new byte[ApiKeyToken.RandomLength];
        for (var i = 0; i < draws.Length; i++) draws[i] = (byte)RandomNumberGenerator.GetInt32(62);
        return draws;
    }

    // Through the ledger itself, so that chain and rollups are real. Same picture at every first start.
    private async Task HistoryAsync(Guid workspaceId, DateTimeOffset now, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        var stamp = await db.Installations.Select(i => i.Stamp).SingleAsync(ct);
        var consumers = await db.Consumers.AsNoTracking().Where(c => c.WorkspaceId == workspaceId).ToDictionaryAsync(c => c.Name, ct);
        var credentials = await db.Credentials.AsNoTracking().Where(c => c.WorkspaceId == workspaceId).ToDictionaryAsync(c => c.Name, ct);
        var random = new Random(7);
        for (var hour = 30 * 24; hour > 0; hour--)
        {
            var at = now.AddHours(-hour);
            var busy = at.Hour is >= 7 and <= 19 && at.DayOfWeek is not (DayOfWeek.Saturday or DayOfWeek.Sunday);
            // In the order of time, as real ones come.
            foreach (var minute in Enumerable.Range(0, random.Next(busy ? 4 : 2)).Select(_ => random.Next(60)).Order().ToList())
            {
                var (tool, credential, _) = Tools[random.Next(10) switch { < 6 => 0, < 8 => 1, < 9 => 2, _ => 3 }];
                var agent = tool == "send-mail" ? "sales-helper" : "cs-pro";
                var entry = new CallEntry
                {
                    Id = Guid.CreateVersion7(at), At = at.AddMinutes(minute).AddSeconds(-hour), Stamp = stamp, WorkspaceId = workspaceId, ToolId = consumers[tool].Id, Tool = tool,
                    AgentId = consumers[agent].Id, Agent = agent, UserId = "u-" + random.Next(1, 9), ApiKey = "demo traffic", Ip = "127.0.0.1", Method = "POST", Host = "localhost",
                    Path = "/demo/upstream/" + tool, Rule = Grant.ToolAndAgent.Rule(), RequestId = "demo-" + hour, Uses = [new VersionUse(credentials[credential].Id, credential, 1)],
                };
                var answer = await ledger.AuthorizeAsync(entry);
                if (answer.Verdict != LedgerVerdict.Recorded) return;
                var failed = random.Next(25) == 0;
                ledger.Complete(entry, answer.FirstSeq, failed ? 500 : 200, random.Next(80_000, 900_000), failed ? CallOutcome.UpstreamError : CallOutcome.Succeeded, null);
            }
        }
    }
}
