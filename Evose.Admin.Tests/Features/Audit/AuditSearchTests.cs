using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Features.Hygiene;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Features.Audit;

/// <summary>Searches by actor and credential look each name up in an index; what they find is what reading everything finds.</summary>
public sealed class AuditSearchTests(AuditSearchTests.World world) : IClassFixture<AuditSearchTests.World>
{
    private static readonly string[] Names =
    [
        "anna@example.test", "Anna@Example.Test", "ANNA KARENINA", "100%_sure", "100 sure", "100%sure", "back\\slash", "back_slash", "backXslash", "Ünal Öz", "ünal öz", "Straße", "STRASSE",
        "王小明", "İstanbul", "istanbul", "ﬁ", "fi", " spaced", "zoë", "ZOE", "'quoted'", "job: retire",
    ];

    public sealed class World : IAsyncLifetime
    {
        internal HygieneWorld.StatementLog Statements { get; } = new();

        public AdminApp App { get; }

        public World() => App = new(services: s => s.AddSingleton<ISaveChangesInterceptor>(Statements));

        public Actor Admin { get; private set; } = Actor.Nobody;

        public Actor Reviewer { get; private set; } = Actor.Nobody;

        public Workspace Sales { get; private set; } = null!;

        public Workspace Hr { get; private set; } = null!;

        /// <summary>Credentials called <c>shared_prod</c>: of both workspaces and of the organization.</summary>
        public (Guid Sales, Guid Hr, Guid Organization) Shared { get; private set; }

        public async ValueTask InitializeAsync()
        {
            Admin = await App.AdminAsync();
            (Sales, Hr) = (await App.WorkspaceAsync("sales"), await App.WorkspaceAsync("hr"));
            Reviewer = await App.PersonAsync("reader@elsewhere.test", OrganizationRole.Member, (Sales.Id, WorkspaceRole.Reviewer));
            // In turns, so that every page has rows of several looks.
            for (var round = 0; round < 3; round++)
                foreach (var name in Names)
                    await App.ActsAsync(round == 1 ? Hr.Id : Sales.Id, 1, AuditAction.CredentialChanged, actor: Admin with { Id = Guid.CreateVersion7(), Name = name });
            for (var round = 0; round < 2; round++)
                for (var i = 0; i < 25; i++)
                    await App.ActsAsync(round == 1 ? Hr.Id : Sales.Id, 1, AuditAction.CredentialChanged, actor: Admin with { Name = $"crowd-{i:D2}" });
            await Given.CredentialAsync(App, "sales", "shared_prod");
            await Given.CredentialAsync(App, "hr", "shared_prod");
            Shared = (await IdAsync(Sales.Id), await IdAsync(Hr.Id), Guid.CreateVersion7());
            await CallAsync(Sales.Id, Shared.Sales, "shared_prod", "u-1");
            await CallAsync(Hr.Id, Shared.Hr, "shared_prod", "u-2");
            // One whose row is gone, known by its name from the trail alone, used everywhere.
            await ActAsync(Workspace.OrganizationId, "shared_prod", Shared.Organization);
            await CallAsync(Sales.Id, Shared.Organization, "shared_prod", "u-3");
            await CallAsync(Hr.Id, Shared.Organization, "shared_prod", "u-4");
        }

        private async Task<Guid> IdAsync(Guid workspace)
        {
            await using var db = await App.DbAsync();
            return await db.Credentials.Where(c => c.WorkspaceId == workspace && c.Name == "shared_prod").Select(c => c.Id).SingleAsync();
        }

        public async Task ActAsync(Guid? workspace, string subject, Guid? credential)
        {
            await using var db = await App.DbAsync();
            AuditTrail.Append(db, App.Get<TimeProvider>().GetUtcNow(), Admin with { Name = "maker" }, AuditAction.CredentialChanged, new AuditSubject(workspace, subject, credential, credential));
            await db.SaveChangesAsync();
        }

        public async Task CallAsync(Guid workspace, Guid credential, string name, string user, string key = "backend")
        {
            var now = App.Get<TimeProvider>().GetUtcNow();
            var entry = new CallEntry
            {
                Id = Guid.CreateVersion7(now), At = now, Stamp = App.Get<CatalogStamp>().Latest, WorkspaceId = workspace, Tool = "crm", UserId = user, ApiKey = key, ApiKeyId = Guid.AllBitsSet, Method = "GET",
                Host = "api.example.test", Path = "/v1", Rule = "scope:tool", RequestId = Guid.CreateVersion7(now).ToString("N"), Uses = [new VersionUse(credential, name, 1)],
            };
            Assert.Equal(LedgerVerdict.Recorded, (await App.Get<UsageLedger>().AuthorizeAsync(entry)).Verdict);
            await App.SettledAsync();
        }

        public async ValueTask DisposeAsync() => await App.DisposeAsync();
    }

    private async Task<List<AuditRow>> AllAsync(AuditFilter filter, Actor? actor = null, int limit = 100)
    {
        var all = new List<AuditRow>();
        string? cursor = null;
        do
        {
            var outcome = await world.App.Get<AuditQuery>().RunAsync(actor ?? world.Admin, filter, limit, cursor, CancellationToken.None);
            Assert.Null(outcome.Problem);
            all.AddRange(outcome.Value!.Data);
            cursor = outcome.Value.NextCursor;
        }
        while (cursor is not null);
        return all;
    }

    private async Task<List<long>> ActsAsync(AuditFilter filter, int limit = 100) => [.. (await AllAsync(filter, limit: limit)).Where(r => r.Source == "audit").Select(r => r.Seq)];

    // What the rule says, over every act there is: capitals of ASCII do not matter, all other letters do.
    private async Task<List<long>> OracleAsync(string part, Guid? workspace = null)
    {
        static string Folded(string text) => string.Concat(text.Select(c => char.IsAsciiLetterUpper(c) ? (char)(c | 0x20) : c));
        await using var db = await world.App.DbAsync();
        var acts = await db.AuditEvents.AsNoTracking().OrderByDescending(e => e.Seq).ToListAsync();
        return [.. acts.Where(e => Folded(e.ActorName).Contains(Folded(part), StringComparison.Ordinal) && (workspace is null || e.WorkspaceId == workspace)).Select(e => e.Seq)];
    }

    [Theory]
    [InlineData("anna")]
    [InlineData("ANNA")]
    [InlineData("anna@example.test")]
    [InlineData("100%_")]
    [InlineData("100%")]
    [InlineData("100")]
    [InlineData("%")]
    [InlineData("_")]
    [InlineData("back_")]
    [InlineData("back\\")]
    [InlineData("back")]
    [InlineData("ünal")]
    [InlineData("Ünal")]
    [InlineData("ÜNAL")]
    [InlineData("nal")]
    [InlineData("ß")]
    [InlineData("strasse")]
    [InlineData("小")]
    [InlineData("istanbul")]
    [InlineData("İ")]
    [InlineData("fi")]
    [InlineData("ﬁ")]
    [InlineData("ë")]
    [InlineData("'")]
    [InlineData("job:")]
    [InlineData("nobody is called so")]
    [InlineData("a")]
    // More names than are looked up one by one.
    [InlineData("CROWD")]
    public async Task Acts_of_an_actor_are_those_that_reading_everything_finds(string part)
    {
        await AllAsync(new AuditFilter());
        Assert.Equal(await OracleAsync(part), await ActsAsync(new AuditFilter(Actor: part), limit: 3));
        Assert.Equal(await OracleAsync(part, world.Hr.Id), await ActsAsync(new AuditFilter("hr", Actor: part), limit: 2));
    }

    [Fact]
    public async Task An_actor_is_found_by_id()
    {
        await using var db = await world.App.DbAsync();
        var someone = await db.AuditEvents.FirstAsync(e => e.ActorName == "zoë");
        Assert.Equal([someone.Seq], await ActsAsync(new AuditFilter(Actor: someone.ActorId.ToString())));
    }

    [Fact]
    public async Task More_names_than_are_walked_through_hide_none()
    {
        await using (var app = new AdminApp())
        {
            var admin = await app.AdminAsync();
            var ws = await app.WorkspaceAsync("sales");
            await using (var db = await app.DbAsync())
            {
                for (var i = 0; i < 1200; i++) AuditTrail.Append(db, app.Get<TimeProvider>().GetUtcNow(), admin with { Name = $"person-{i:D4}" }, AuditAction.CredentialChanged, new AuditSubject(ws.Id, "x"));
                await db.SaveChangesAsync();
            }
            var found = (await app.Get<AuditQuery>().RunAsync(admin, new AuditFilter(Actor: "PERSON-1199"), null, null, CancellationToken.None)).Value!;
            Assert.Equal("person-1199", Assert.Single(found.Data).Actor.Name);
            Assert.Equal(2, (await app.Get<AuditQuery>().RunAsync(admin, new AuditFilter(Actor: "n-119", Workspace: "sales"), 2, null, CancellationToken.None)).Value!.Data.Count);
        }
    }

    [Fact]
    public async Task A_credentials_name_finds_in_a_workspace_what_happened_there_with_every_credential_of_the_name()
    {
        static IEnumerable<(string?, string?)> Uses(List<AuditRow> rows) => rows.Where(r => r.UserId is not null).Select(r => (r.Workspace, r.UserId));
        Assert.Equal([("sales", "u-3"), ("sales", "u-1")], Uses(await AllAsync(new AuditFilter("sales", Credential: "shared_prod"), limit: 1)));
        Assert.Equal([("hr", "u-4"), ("hr", "u-2")], Uses(await AllAsync(new AuditFilter("hr", Credential: "shared_prod"))));
        Assert.Equal([("hr", "u-4"), ("sales", "u-3"), ("hr", "u-2"), ("sales", "u-1")], Uses(await AllAsync(new AuditFilter(Credential: "shared_prod"), limit: 1)));
        var reviewed = await AllAsync(new AuditFilter(Credential: "shared_prod"), world.Reviewer);
        Assert.Equal([("sales", "u-3"), ("sales", "u-1")], Uses(reviewed));
        Assert.Contains(reviewed, r => r.Source == "audit");
        Assert.All(reviewed, r => Assert.Equal("sales", r.Workspace));
    }

    [Fact]
    public async Task A_credential_is_found_under_the_name_it_had()
    {
        await world.ActAsync(world.Sales.Id, "former_prod", world.Shared.Sales);
        var rows = await AllAsync(new AuditFilter("sales", Credential: "former_prod"));
        Assert.Contains(rows, r => r.UserId == "u-1");
        Assert.Contains(rows, r => r is { Source: "audit", Subject: "shared_prod" });
        // Of another workspace it is nothing that happened here, and the name alone is not taken for it.
        await world.ActAsync(world.Hr.Id, "former_prod", null);
        Assert.Empty(await AllAsync(new AuditFilter("hr", Credential: "former_prod")));
    }

    [Fact]
    public async Task A_name_that_is_no_credentials_is_found_as_a_subject()
    {
        await world.ActAsync(world.Sales.Id, "never_registered", null);
        Assert.Equal("never_registered", Assert.Single(await AllAsync(new AuditFilter("sales", Credential: "never_registered"))).Subject);
    }

    [Fact]
    public async Task More_credentials_of_a_name_than_are_looked_up_one_by_one_are_all_found()
    {
        for (var i = 0; i < 25; i++)
        {
            var id = Guid.CreateVersion7();
            await world.ActAsync(i % 2 == 0 ? world.Sales.Id : world.Hr.Id, "many_prod", id);
            await world.CallAsync(i % 2 == 0 ? world.Sales.Id : world.Hr.Id, id, "many_prod", $"m-{i}");
        }
        Assert.Equal(50, (await AllAsync(new AuditFilter(Credential: "many_prod"), limit: 7)).DistinctBy(r => r.Id).Count());
        Assert.Equal(26, (await AllAsync(new AuditFilter("sales", Credential: "many_prod"))).Count);
    }

    [Fact]
    public async Task A_call_whose_person_and_key_both_match_is_shown_once()
    {
        await world.CallAsync(world.Sales.Id, Guid.CreateVersion7(), "x", "twin-user", "twin-key");
        await world.CallAsync(world.Sales.Id, Guid.CreateVersion7(), "x", "twin-user", "twin-key");
        Assert.Equal(2, (await AllAsync(new AuditFilter(Actor: "twin"))).Count);
        Assert.Equal(2, (await AllAsync(new AuditFilter(Actor: "twin"), limit: 1)).Count);
    }

    [Fact]
    [Trait("Database", "Sqlite")]
    public async Task Searches_by_actor_and_credential_walk_indexes_and_sort_nothing()
    {
        await AllAsync(new AuditFilter());
        var person = await world.Statements.OfAsync(() => AllAsync(new AuditFilter(Actor: "zoë")));
        Assert.Contains(person, s => s.Text.Contains("\"audit_event\"", StringComparison.Ordinal) && s.Plan.Contains("USING INDEX ix_audit_event_actor_name_seq (actor_name=? AND seq<?)", StringComparison.Ordinal));
        Assert.Contains(person, s => s.Plan.Contains("SEARCH e USING COVERING INDEX ix_audit_event_actor_name_seq (actor_name>?)", StringComparison.Ordinal));
        var credential = await world.Statements.OfAsync(() => AllAsync(new AuditFilter("sales", Credential: "shared_prod")));
        Assert.Contains(credential, s => s.Plan.Contains("ix_credential_name_workspace_id", StringComparison.Ordinal) && s.Plan.Contains("USING COVERING INDEX ix_audit_event_subject_credential_id", StringComparison.Ordinal));
        Assert.Contains(credential, s => s.Plan.Contains("USING INDEX ix_audit_event_credential_id_seq (credential_id=? AND seq<?)", StringComparison.Ordinal));
        Assert.Contains(credential, s => s.Plan.Contains("USING INDEX ix_call_record_credential_id_seq (credential_id=?", StringComparison.Ordinal));
        foreach (var (text, plan) in person.Concat(credential))
            if (text.Contains("ORDER BY", StringComparison.Ordinal)) Assert.DoesNotContain("TEMP B-TREE", plan);
    }
}
