using System.Net;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Evose.Admin.Tests.Features.ApiKeys;
using Evose.Admin.Tests.Support;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Features.Workspaces;

public sealed class MemberTests(TwoWorkspaces two) : IClassFixture<TwoWorkspaces>
{
    private readonly AdminApp _app = two.App;

    [Fact]
    public async Task An_invitation_gives_a_link_once_and_keeps_a_hash()
    {
        using var browser = await _app.BrowserAsync();
        var admin = await _app.ActorAsync();
        var answer = await browser.PostTicketAsync(WorkspacesFeature.InviteTicketPath, _app.Get<OneTimeTickets>().Issue(admin, new InviteMember.Input(" New@Example.test ", "alpha", WorkspaceRole.Builder)));
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var link = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("once").GetString()!;
        const string Start = "/account/accept-invite?token=";
        Assert.StartsWith(Start, link);
        var token = link[Start.Length..];
        Assert.Equal(43, token.Length);
        await using var db = await DbAsync();
        var row = await db.Invitations.SingleAsync(i => i.Email == "new@example.test");
        Assert.Equal(SHA256.HashData(Encoding.UTF8.GetBytes(token)), row.TokenHash);
        Assert.Equal(7, (row.ExpiresAt - _app.Get<TimeProvider>().GetUtcNow()).TotalDays, 2);

        var twice = await _app.Get<InviteMember>().ExecuteAsync(admin, new InviteMember.Input("new@example.test", "alpha", WorkspaceRole.User), CancellationToken.None);
        Assert.Equal(ProblemKind.Conflict, twice.Problem!.Kind);
        var view = (await _app.Get<MembersQuery>().RunAsync(admin, "alpha", CancellationToken.None)).Value!;
        Assert.Contains(view.Invitations, i => i.Id == row.Id);
        Assert.Null((await _app.Get<RevokeInvitation>().ExecuteAsync(admin, row.Id, CancellationToken.None)).Problem);
        Assert.Equal(ProblemKind.NotFound, (await _app.Get<RevokeInvitation>().ExecuteAsync(admin, row.Id, CancellationToken.None)).Problem!.Kind);
        Assert.Equal([AuditAction.MemberInvited, AuditAction.InvitationRevoked], await db.AuditEvents.Where(e => e.SubjectId == row.Id).OrderBy(e => e.Seq).Select(e => e.Action).ToListAsync());
    }

    [Fact]
    public async Task Somebody_with_an_account_joins_at_once_and_only_once()
    {
        var admin = await _app.ActorAsync();
        var joe = await _app.AddUserAsync("joe@example.test", workspace: "beta");
        var joined = await _app.Get<InviteMember>().ExecuteAsync(admin, new InviteMember.Input("Joe@example.test", "alpha", WorkspaceRole.Reviewer), CancellationToken.None);
        Assert.Null(joined.Value!.Link);
        Assert.Equal(ProblemKind.Conflict, (await _app.Get<InviteMember>().ExecuteAsync(admin, new InviteMember.Input("joe@example.test", "alpha", WorkspaceRole.User), CancellationToken.None)).Problem!.Kind);
        Assert.True((await _app.Get<Authorizer>().RightsAsync(joe, "alpha", CancellationToken.None)).Allows(Permission.ViewAudit));
    }

    [Theory]
    [InlineData(null, "alpha", WorkspaceRole.User, OrganizationRole.Member, "email")]
    [InlineData("", "alpha", WorkspaceRole.User, OrganizationRole.Member, "email")]
    [InlineData("nobody", "alpha", WorkspaceRole.User, OrganizationRole.Member, "email")]
    [InlineData("a b@example.test", "alpha", WorkspaceRole.User, OrganizationRole.Member, "email")]
    [InlineData("Jo <jo@example.test>", "alpha", WorkspaceRole.User, OrganizationRole.Member, "email")]
    [InlineData("jö@example.test", "alpha", WorkspaceRole.User, OrganizationRole.Member, "email")]
    [InlineData("jo@example.test\n", "alpha", WorkspaceRole.User, OrganizationRole.Member, "email")]
    [InlineData("jo@example.test", "alpha", null, OrganizationRole.Member, "role")]
    [InlineData("jo@example.test", "alpha", (WorkspaceRole)9, OrganizationRole.Member, "role")]
    [InlineData("jo@example.test", null, WorkspaceRole.User, OrganizationRole.Admin, "role")]
    [InlineData("jo@example.test", null, null, OrganizationRole.Member, "workspace")]
    [InlineData("jo@example.test", null, null, (OrganizationRole)9, "organization_role")]
    public async Task Refuses_an_invitation_that_cannot_be(string? email, string? workspace, WorkspaceRole? role, OrganizationRole organization, string field)
    {
        var refused = await _app.Get<InviteMember>().ExecuteAsync(await _app.ActorAsync(), new InviteMember.Input(email, workspace, role, organization), CancellationToken.None);
        Assert.Equal(ProblemKind.Invalid, refused.Problem?.Kind);
        Assert.Equal(field, refused.Problem!.Details!["field"]);
    }

    [Fact]
    public async Task A_workspace_admin_rules_their_workspace_and_nothing_beyond()
    {
        var boss = await _app.AddUserAsync("boss@example.test", workspace: "alpha", role: WorkspaceRole.Admin);
        var worker = await _app.AddUserAsync("worker@example.test", workspace: "alpha");
        var ct = CancellationToken.None;
        Assert.Null((await _app.Get<ChangeRole>().ExecuteAsync(boss, new ChangeRole.Input("alpha", worker.Id, WorkspaceRole.Builder, WorkspaceRole.User), ct)).Problem);
        Assert.Equal(ProblemKind.Conflict, (await _app.Get<ChangeRole>().ExecuteAsync(boss, new ChangeRole.Input("alpha", worker.Id, WorkspaceRole.Admin, WorkspaceRole.User), ct)).Problem!.Kind);
        Assert.Equal(ProblemKind.NotFound, (await _app.Get<ChangeRole>().ExecuteAsync(boss, new ChangeRole.Input("beta", worker.Id, WorkspaceRole.Builder), ct)).Problem!.Kind);
        Assert.Equal(ProblemKind.NotFound, (await _app.Get<InviteMember>().ExecuteAsync(boss, new InviteMember.Input("x@example.test", "beta", WorkspaceRole.User), ct)).Problem!.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await _app.Get<InviteMember>().ExecuteAsync(boss, new InviteMember.Input("x@example.test", "alpha", WorkspaceRole.User, OrganizationRole.Admin), ct)).Problem!.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await _app.Get<ChangeOrganizationRole>().ExecuteAsync(boss, new ChangeOrganizationRole.Input(boss.Id, OrganizationRole.Admin), ct)).Problem!.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await _app.Get<DisableUser>().ExecuteAsync(boss, worker.Id, ct)).Problem!.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await _app.Get<RemoveMember>().ExecuteAsync(boss, new RemoveMember.Input(null, worker.Id), ct)).Problem!.Kind);
        Assert.Equal(ProblemKind.Forbidden, (await _app.Get<RemoveMember>().ExecuteAsync(worker, new RemoveMember.Input("alpha", boss.Id), ct)).Problem!.Kind);
        Assert.Empty((await _app.Get<MembersQuery>().RunAsync(worker, "alpha", ct)).Value!.Invitations);
        Assert.Null((await _app.Get<RemoveMember>().ExecuteAsync(boss, new RemoveMember.Input("alpha", worker.Id), ct)).Problem);
        Assert.Equal(ProblemKind.NotFound, (await _app.Get<RemoveMember>().ExecuteAsync(boss, new RemoveMember.Input("alpha", worker.Id), ct)).Problem!.Kind);
        Assert.False((await _app.Get<Authorizer>().RightsAsync(worker, "alpha", ct)).Knows);
    }

    [Fact]
    public async Task A_disabled_person_can_do_nothing_from_that_moment_and_everything_again_when_enabled()
    {
        var admin = await _app.ActorAsync();
        var person = await _app.AddUserAsync("person@example.test", workspace: "alpha", role: WorkspaceRole.Admin);
        var stamp = (await _app.UserAsync(person.Name)).SecurityStamp;
        Assert.Null((await _app.Get<DisableUser>().ExecuteAsync(admin, person.Id, CancellationToken.None)).Problem);
        Assert.False((await _app.Get<Authorizer>().RightsAsync(person, "alpha", CancellationToken.None)).Knows);
        Assert.NotEqual(stamp, (await _app.UserAsync(person.Name)).SecurityStamp);
        Assert.Null((await _app.Get<DisableUser>().ExecuteAsync(admin, person.Id, CancellationToken.None)).Problem);
        Assert.Null((await _app.Get<EnableUser>().ExecuteAsync(admin, person.Id, CancellationToken.None)).Problem);
        Assert.True((await _app.Get<Authorizer>().RightsAsync(person, "alpha", CancellationToken.None)).Knows);
        await using var db = await DbAsync();
        Assert.Equal([AuditAction.UserDisabled, AuditAction.UserEnabled], await db.AuditEvents.Where(e => e.SubjectId == person.Id).OrderBy(e => e.Seq).Select(e => e.Action).ToListAsync());
    }

    [Theory]
    [InlineData("disable", 0)]
    [InlineData("remove from the workspace", 1)]
    [InlineData("remove the account", 0)]
    [InlineData("change the role", 1)]
    public async Task Open_invitations_end_with_the_right_of_who_sent_them(string act, int left)
    {
        var ct = CancellationToken.None;
        var admin = await _app.ActorAsync();
        var name = act.Replace(' ', '-');
        var sender = await _app.AddUserAsync($"sender-{name}@example.test", workspace: "alpha", role: WorkspaceRole.Admin);
        await using (var db = await DbAsync())
        {
            db.Memberships.Add(new Membership { WorkspaceId = (await db.Workspaces.SingleAsync(w => w.Slug == "beta")).Id, UserId = sender.Id, Role = WorkspaceRole.Admin });
            await db.SaveChangesAsync();
        }
        foreach (var place in (string[])["alpha", "beta"])
            Assert.Null((await _app.Get<InviteMember>().ExecuteAsync(sender, new InviteMember.Input($"{place}-{name}@example.test", place, WorkspaceRole.Admin), ct)).Problem);
        var done = act switch
        {
            "disable" => await _app.Get<DisableUser>().ExecuteAsync(admin, sender.Id, ct),
            "remove from the workspace" => await _app.Get<RemoveMember>().ExecuteAsync(admin, new RemoveMember.Input("alpha", sender.Id), ct),
            "remove the account" => await _app.Get<RemoveMember>().ExecuteAsync(admin, new RemoveMember.Input(null, sender.Id), ct),
            _ => await _app.Get<ChangeRole>().ExecuteAsync(admin, new ChangeRole.Input("alpha", sender.Id, WorkspaceRole.Builder), ct),
        };
        Assert.Null(done.Problem);
        await using var after = await DbAsync();
        // What they may still do elsewhere stays.
        Assert.Equal(left == 0 ? [] : [$"beta-{name}@example.test"], await after.Invitations.Where(i => i.InvitedBy == sender.Name).Select(i => i.Email).ToListAsync());
        Assert.Equal(2 - left, await after.AuditEvents.CountAsync(e => e.Action == AuditAction.InvitationRevoked && e.Subject!.EndsWith(name + "@example.test")));
    }

    [Fact]
    public async Task An_organization_admin_who_becomes_a_member_leaves_no_open_invitation()
    {
        var ct = CancellationToken.None;
        var sender = await _app.AddUserAsync("was-admin@example.test", OrganizationRole.Admin);
        Assert.Null((await _app.Get<InviteMember>().ExecuteAsync(sender, new InviteMember.Input("accomplice@example.test", null, null, OrganizationRole.Admin), ct)).Problem);
        Assert.Null((await _app.Get<ChangeOrganizationRole>().ExecuteAsync(await _app.ActorAsync(), new ChangeOrganizationRole.Input(sender.Id, OrganizationRole.Member), ct)).Problem);
        await using var db = await DbAsync();
        Assert.False(await db.Invitations.AnyAsync(i => i.InvitedBy == sender.Name));
    }

    [Fact]
    public async Task Disabling_a_person_revokes_the_keys_they_issued_and_says_so_in_the_trail()
    {
        var sender = await _app.AddUserAsync("issuer@example.test", workspace: "alpha", role: WorkspaceRole.Admin);
        var now = _app.Get<TimeProvider>().GetUtcNow();
        ApiKey Key(string publicId, string by, DateTimeOffset? end) => new() { Id = Guid.CreateVersion7(now), PublicId = publicId, Hash = [1], Name = publicId, Scopes = [ApiKeyScopes.Read], CreatedAt = now, CreatedBy = by, ExpiresAt = end };
        ApiKey[] keys = [Key("issuerlive01", sender.Name, null), Key("issuerold001", sender.Name, now.AddDays(-1)), Key("othersown001", "other@example.test", null)];
        await using (var db = await DbAsync())
        {
            db.ApiKeys.AddRange(keys);
            await db.SaveChangesAsync();
        }
        Assert.Null((await _app.Get<DisableUser>().ExecuteAsync(await _app.ActorAsync(), sender.Id, CancellationToken.None)).Problem);
        await using var after = await DbAsync();
        var ids = keys.Select(k => k.Id).ToList();
        Assert.Equal([keys[0].Id], await after.ApiKeys.Where(k => ids.Contains(k.Id) && k.RevokedAt != null).Select(k => k.Id).ToListAsync());
        Assert.Equal([keys[0].Id], await after.AuditEvents.Where(e => e.Action == AuditAction.ApiKeyRevoked && ids.Contains(e.SubjectId!.Value)).Select(e => e.SubjectId!.Value).ToListAsync());
    }

    [Fact]
    public async Task The_last_organization_admin_stays_whatever_is_tried_at_once()
    {
        await using var app = new AdminApp();
        var first = await app.ActorAsync();
        var ct = CancellationToken.None;
        Assert.Equal("last_admin", (await app.Get<RemoveMember>().ExecuteAsync(first, new RemoveMember.Input(null, first.Id), ct)).Problem!.Details!["state"]);
        Assert.Equal("last_admin", (await app.Get<DisableUser>().ExecuteAsync(first, first.Id, ct)).Problem!.Details!["state"]);
        for (var round = 0; round < 5; round++)
        {
            var second = await app.AddUserAsync($"second{round}@example.test", OrganizationRole.Admin);
            // Each takes the other's role. Both are authorized before either has happened, or one is no longer; never do both succeed.
            var outcomes = await Task.WhenAll(
                Task.Run(() => app.Get<ChangeOrganizationRole>().ExecuteAsync(first, new ChangeOrganizationRole.Input(second.Id, OrganizationRole.Member), ct)),
                Task.Run(() => app.Get<ChangeOrganizationRole>().ExecuteAsync(second, new ChangeOrganizationRole.Input(first.Id, OrganizationRole.Member), ct)));
            Assert.Single(outcomes, o => o.Problem is null);
            await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
            first = new Actor(ActorKind.User, await db.Users.Where(u => u.OrganizationRole == OrganizationRole.Admin).Select(u => u.Id).SingleAsync(), "the one left");
        }
    }

    private Task<AdminDb> DbAsync() => _app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
}
