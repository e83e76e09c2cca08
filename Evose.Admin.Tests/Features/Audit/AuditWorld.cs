using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Tests.Support;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Audit;

/// <summary>People, workspaces, acts and calls for tests of what reads them.</summary>
internal static class AuditWorld
{
    public static IDbContextFactory<AdminDb> Dbs(this AdminApp app) => app.Get<IDbContextFactory<AdminDb>>();

    public static async Task<Actor> PersonAsync(this AdminApp app, string email, OrganizationRole role, params (Guid Workspace, WorkspaceRole Role)[] memberships)
    {
        await using var db = await app.Dbs().CreateDbContextAsync();
        var now = app.Get<TimeProvider>().GetUtcNow();
        var user = new AdminUser { Id = Guid.CreateVersion7(now), UserName = email, NormalizedUserName = email.ToUpperInvariant(), Email = email, NormalizedEmail = email.ToUpperInvariant(), OrganizationRole = role, CreatedAt = now };
        db.Users.Add(user);
        foreach (var (workspace, workspaceRole) in memberships) db.Memberships.Add(new Membership { WorkspaceId = workspace, UserId = user.Id, Role = workspaceRole });
        await db.SaveChangesAsync();
        return new Actor(ActorKind.User, user.Id, email);
    }

    public static async Task<Workspace> WorkspaceAsync(this AdminApp app, string slug) =>
        (await app.Get<CreateWorkspace>().ExecuteAsync(await app.AdminAsync(), new CreateWorkspace.Input(slug, slug), CancellationToken.None)).Value!;

    /// <summary>Administrative acts of the workspace.</summary>
    public static async Task ActsAsync(this AdminApp app, Guid? workspace, int count, AuditAction action = AuditAction.CredentialChanged, string subject = "openai_prod", Actor? actor = null)
    {
        var who = actor ?? await app.AdminAsync();
        await using var db = await app.Dbs().CreateDbContextAsync();
        for (var i = 0; i < count; i++)
            AuditTrail.Append(db, app.Get<TimeProvider>().GetUtcNow(), who, action, new AuditSubject(workspace, subject, Guid.CreateVersion7(app.Get<TimeProvider>().GetUtcNow())), $"change {i}");
        await db.SaveChangesAsync();
    }

    /// <summary>Calls, each completed unless <paramref name="complete"/> is false.</summary>
    public static async Task CallsAsync(this AdminApp app, Guid? workspace, int count, bool complete = true, bool refused = false, string tool = "crm", string agent = "support", string credential = "openai_prod",
        Guid? credentialId = null, int status = 200, string user = "u-1")
    {
        var ledger = app.Get<UsageLedger>();
        var clock = app.Get<TimeProvider>();
        for (var i = 0; i < count; i++)
        {
            var entry = new CallEntry
            {
                Id = Guid.CreateVersion7(clock.GetUtcNow()), At = clock.GetUtcNow(), Stamp = app.Get<CatalogStamp>().Latest, WorkspaceId = workspace, Tool = tool, Agent = agent, UserId = user, UserName = "Ada",
                ApiKey = "backend", ApiKeyId = Guid.AllBitsSet, Ip = "203.0.113.7", Method = "GET", Host = "api.example.test", Path = $"/v1/{i}", Refused = refused, Rule = refused ? "scope" : "scope:tool",
                RequestId = $"r-{i}", Uses = [new VersionUse(credentialId ?? Guid.Empty, credential, 1)],
            };
            var answer = await ledger.AuthorizeAsync(entry);
            Assert.Equal(LedgerVerdict.Recorded, answer.Verdict);
            if (complete && !refused) ledger.Complete(entry, answer.FirstSeq, status, 1500 + i, status < 400 ? CallOutcome.Succeeded : CallOutcome.UpstreamError, null);
        }
        await app.SettledAsync();
    }

    /// <summary>Waits until every completion that is owed is written.</summary>
    public static async Task SettledAsync(this AdminApp app)
    {
        await app.Get<UsageLedger>().CaughtUpAsync(CancellationToken.None);
    }

    /// <summary>What somebody with the database file could do: SQL that goes past the app.</summary>
    public static int Sql(string database, string sql)
    {
        using var connection = new SqliteConnection($"Data Source={database};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA foreign_keys=OFF; " + sql;
        return command.ExecuteNonQuery();
    }
}
