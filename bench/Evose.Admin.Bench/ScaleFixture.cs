using System.Globalization;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Bench;

/// <summary>
/// Makes an installation of a size, the same every time: credentials with sealed values, policies and audit events as the use cases write them, and a year of calls through the
/// ledger's own store, so that chain, head and sums are real.
/// </summary>
internal sealed class ScaleFixture(AppHost host)
{
    private const int Workspaces = 20, ToolsEach = 40, AgentsEach = 10, Batch = 200, GroupCalls = 4096, Last = 100_000;
    private static readonly TimeSpan History = TimeSpan.FromDays(365);
    private static readonly string[] Environments = ["prod", "staging", "dev"];
    private static readonly Actor Maker = Actor.Job("bench");

    /// <summary>The busiest workspace, and in it a credential with a twentieth of all calls and one with an ordinary share.</summary>
    public const string Busy = "team-00", Hot = "svc00000_prod", Warm = "svc00007_staging";

    public const string HotTool = "tool-00", FrequentUser = "u-001", RareUser = "u-rare";

    /// <summary>A credential of the busiest workspace that is hardly ever used.</summary>
    public string Cold { get; private set; } = "";

    public Guid HotId { get; private set; }

    /// <summary>Sees everything as a reviewer of the organization.</summary>
    public Actor Reviewer { get; private set; } = Actor.Nobody;

    /// <summary>A reviewer of three of the workspaces.</summary>
    public Actor PartReviewer { get; private set; } = Actor.Nobody;

    /// <summary>Reads back what an earlier run of the fixture made in the same data.</summary>
    public async Task FindPeopleAsync()
    {
        await using var db = await NewAsync();
        Reviewer = await PersonAsync(db, "reviewer@example.test");
        PartReviewer = await PersonAsync(db, "part-reviewer@example.test");
        HotId = await db.Credentials.Where(c => c.Name == Hot && db.Workspaces.Any(w => w.Id == c.WorkspaceId && w.Slug == Busy)).Select(c => c.Id).FirstOrDefaultAsync();
        Cold = await db.Credentials.Where(c => db.Workspaces.Any(w => w.Id == c.WorkspaceId && w.Slug == Busy)).OrderByDescending(c => c.Name).Select(c => c.Name).FirstOrDefaultAsync() ?? "";
    }

    public async Task MakeCredentialsAsync(int credentials)
    {
        var now = TimeProvider.System.GetUtcNow() - History;
        var vault = host.Get<SecretVault>();
        using var value = Plaintext.CopyOf(Encoding.ASCII.GetBytes("sk-scale-" + new string('k', 40)));
        var fields = new Dictionary<string, Plaintext> { [Credential.MainField] = value };
        var fingerprint = vault.Fingerprint(value);

        var consumers = new List<List<Consumer>>();
        await using (var db = await NewAsync())
        {
            foreach (var (email, role) in new[] { ("reviewer@example.test", OrganizationRole.Reviewer), ("part-reviewer@example.test", OrganizationRole.Member) })
                db.Users.Add(new AdminUser { Id = Guid.CreateVersion7(now), UserName = email, NormalizedUserName = email.ToUpperInvariant(), Email = email, NormalizedEmail = email.ToUpperInvariant(), EmailConfirmed = true, OrganizationRole = role, CreatedAt = now, SecurityStamp = email });
            await db.SaveChangesAsync();
        }
        await FindPeopleAsync();
        for (var w = 0; w < Workspaces; w++)
        {
            await using var db = await NewAsync();
            var workspace = new Workspace(Guid.CreateVersion7(now), Slug(w), "Team " + w, now);
            db.Add(workspace);
            AuditTrail.Append(db, now, Maker, AuditAction.WorkspaceCreated, new AuditSubject(workspace.Id, workspace.Slug, workspace.Id));
            if (w < 3) db.Add(new Membership { WorkspaceId = workspace.Id, UserId = PartReviewer.Id, Role = WorkspaceRole.Reviewer });
            var mine = new List<Consumer>();
            consumers.Add(mine);
            for (var t = 0; t < ToolsEach + AgentsEach; t++)
            {
                var isTool = t < ToolsEach;
                var consumer = new Consumer(Guid.CreateVersion7(now), workspace.Id, isTool ? ConsumerKind.Tool : ConsumerKind.Agent, isTool ? $"tool-{t:D2}" : $"agent-{t - ToolsEach:D2}", now);
                Guid[] uses = isTool ? [] : [.. mine.Skip((t - ToolsEach) * 4).Take(4).Select(m => m.Id)];
                if (isTool)
                {
                    consumer.Config = new ToolConfig("https://api.example.com/v1", null, new Dictionary<string, string> { ["Authorization"] = $"Bearer {{{{credential:{Name(t)}}}}}" }, new Dictionary<string, string>(), null);
                    db.Add(new Reference { WorkspaceId = workspace.Id, ToolId = consumer.Id, CredentialName = Name(t), Place = "headers.Authorization" });
                }
                foreach (var to in uses) db.Add(new ConsumerLink { FromId = consumer.Id, ToId = to });
                consumer.PolicyMac = PolicySeal.Of(vault, consumer, uses);
                db.Add(consumer);
                mine.Add(consumer);
                AuditTrail.Append(db, now, Maker, AuditAction.ConsumerSaved, AuditSubject.Consumer(consumer, policy: true));
            }
            await db.SaveChangesAsync();
        }

        for (var done = 0; done < credentials; done += Batch)
        {
            await using var db = await NewAsync();
            for (var i = done; i < Math.Min(credentials, done + Batch); i++)
            {
                var (w, n) = (i % Workspaces, i / Workspaces);
                var mine = consumers[w];
                var c = Credential.Register(Guid.CreateVersion7(now), mine[0].WorkspaceId, Name(n), CredentialType.ApiKey, now);
                (c.Description, c.Provider) = ($"Key {n} of team {w}", n % 3 == 0 ? "openai" : null);
                if (n % 10 == 3) c.Expire(now + History + TimeSpan.FromDays((n % 90) - 5));
                c.AddVersion(Guid.CreateVersion7(now), vault.Seal(new SecretAddress(c.WorkspaceId, c.Id, 1), fields), fingerprint, "bench", now);
                c.Promote(now);
                c.ChangePolicy([Member(c, mine[n % ToolsEach]), Member(c, mine[ToolsEach + (n % AgentsEach)])], ["api.example.com"], x => PolicySeal.Of(vault, x));
                db.Add(c);
                AuditTrail.Append(db, now, Maker, AuditAction.CredentialRegistered, AuditSubject.Credential(c, policy: true));
            }
            await db.SaveChangesAsync();
        }
    }

    /// <summary>Writes so many calls, spread evenly over the year up to now, each with its completion; returns calls per second over the last of them, when all the others are there, the copy included.</summary>
    public async Task<double> MakeCallsAsync(int calls)
    {
        var people = Enumerable.Range(0, 200).Select(u => $"u-{u:D3}").ToArray();
        var keys = Enumerable.Range(0, 5).Select(k => (Id: Guid.CreateVersion7(), Name: "platform-" + k)).ToArray();
        var (places, stamp) = await PlacesAsync();
        var store = host.Get<ILedgerStore>();
        var random = new Random(7);
        var end = TimeProvider.System.GetUtcNow();
        var began = TimeProvider.System.GetTimestamp();
        var (first, last) = (0L, 0);
        var step = History / calls;
        var answered = new List<LedgerItem>();
        for (var done = 0; done < calls;)
        {
            var group = new List<LedgerItem>(GroupCalls * 2);
            group.AddRange(answered);
            var count = Math.Min(GroupCalls, calls - done);
            var asked = new List<LedgerItem>(count);
            if (first == 0 && done >= calls - Math.Max(Last, calls / 10)) (first, last) = (TimeProvider.System.GetTimestamp(), done);
            for (var i = 0; i < count; i++)
            {
                var at = end - History + (step * (done + i));
                var place = places[Draw(random, places.Count)];
                var key = keys[random.Next(keys.Length)];
                asked.Add(new LedgerItem(new CallEntry
                {
                    Id = Guid.CreateVersion7(at), At = at, Stamp = stamp, WorkspaceId = place.Workspace, ToolId = place.ToolId, Tool = place.Tool, AgentId = place.AgentId, Agent = place.Agent,
                    UserId = random.Next(100_000) == 0 ? RareUser : people[random.Next(people.Length)], ApiKeyId = key.Id, ApiKey = key.Name, Ip = "10.0.0.7", Method = "POST", Host = "api.example.com", Path = "/v1/chat/completions",
                    Refused = random.Next(200) == 0, Rule = Grant.ToolAndAgent.Rule(), RequestId = (done + i).ToString("x", CultureInfo.InvariantCulture), Uses = [new VersionUse(place.Credential, place.Name, 1)],
                }, 0));
            }
            group.AddRange(asked);
            done += count;
            host.Clock.Now = end - History + (step * done);
            await WriteAsync(store, group);
            answered = [.. asked.Where(a => !a.Entry!.Refused).Select(a =>
            {
                var failed = random.Next(50) == 0;
                return new LedgerItem(a.Entry!, a.FirstSeq, new Completion(a.Entry!.At.AddMilliseconds(400), failed ? 500 : 200, random.Next(80_000, 900_000), failed ? CallOutcome.UpstreamError : CallOutcome.Succeeded, null));
            })];
            if (done % (GroupCalls * 64) == 0) Console.Write($"\r{done} calls ");
        }
        await WriteAsync(store, answered);
        host.Clock.Now = null;
        var perSecond = (calls - last) / TimeProvider.System.GetElapsedTime(first).TotalSeconds;
        var stored = 0;
        await using (var snapshot = await host.Get<CallLog>().SnapshotAsync(CancellationToken.None))
            foreach (var (_, part) in snapshot.Parts) stored += await part.Calls.CountAsync();
        Console.WriteLine($"\r{stored} calls, {calls / TimeProvider.System.GetElapsedTime(began).TotalSeconds:F0} per second, the last {calls - last} {perSecond:F0} per second");
        return stored == calls ? perSecond : throw new InvalidOperationException($"{calls} calls were written and {stored} are in the database");
    }

    // The journal must not run ahead of the copy, or it fills the disk.
    private static async Task WriteAsync(ILedgerStore store, List<LedgerItem> group)
    {
        await store.WriteAsync(group);
        if (group.Exists(i => i.Stale)) throw new InvalidOperationException("the fixture's calls are decided at an old stamp");
        await store.CaughtUpAsync(CancellationToken.None);
    }

    private sealed record CallPlace(Guid Workspace, Guid ToolId, string Tool, Guid AgentId, string Agent, Guid Credential, string Name);

    // In the order of drawing: the hot one, those that tools name, all the others.
    private async Task<(List<CallPlace> Places, long Stamp)> PlacesAsync()
    {
        await using var db = await NewAsync();
        var consumers = (await db.Consumers.AsNoTracking().ToListAsync()).ToLookup(c => c.WorkspaceId);
        var slugs = await db.Workspaces.AsNoTracking().ToDictionaryAsync(w => w.Id, w => w.Slug);
        var all = await db.Credentials.AsNoTracking().Select(c => new { c.Id, c.WorkspaceId, c.Name }).ToListAsync();
        var places = all.Select(c =>
        {
            var n = int.Parse(c.Name.AsSpan(3, 5), CultureInfo.InvariantCulture);
            var (tool, agent) = (consumers[c.WorkspaceId].Single(x => x.Name == $"tool-{n % ToolsEach:D2}"), consumers[c.WorkspaceId].Single(x => x.Name == $"agent-{n % AgentsEach:D2}"));
            return (n, slugs[c.WorkspaceId], new CallPlace(c.WorkspaceId, tool.Id, tool.Name, agent.Id, agent.Name, c.Id, c.Name));
        }).OrderBy(p => p.n).ThenBy(p => p.Item2, StringComparer.Ordinal).Select(p => p.Item3).ToList();
        return (places, await db.Installations.Select(i => i.Stamp).SingleAsync());
    }

    private static int Draw(Random random, int count) => random.Next(100) switch
    {
        < 5 => 0,
        < 85 => random.Next(Math.Min(count, Workspaces * ToolsEach)),
        _ => random.Next(count),
    };

    private static async Task<Actor> PersonAsync(AdminDb db, string email) => new(ActorKind.User, await db.Users.Where(u => u.Email == email).Select(u => u.Id).SingleAsync(), email);

    private static ScopeMember Member(Credential credential, Consumer consumer) => new() { CredentialId = credential.Id, ConsumerId = consumer.Id, Kind = consumer.Kind };

    private static string Slug(int workspace) => $"team-{workspace:D2}";

    private static string Name(int n) => $"svc{n:D5}_{Environments[n % Environments.Length]}";

    private Task<AdminDb> NewAsync() => host.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
}
