using System.Net;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Account;
using Evose.Admin.Platform.Data;
using Evose.Admin.Tests.Support;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;

namespace Evose.Admin.Tests.Features.Account;

public sealed class InvitationTests
{
    private const string Token = "an-invitation-token-of-many-bits";

    [Fact]
    public async Task A_person_who_was_asked_in_chooses_a_password_and_has_the_role()
    {
        await using var app = new AdminApp(new() { ["Account:AttemptsPerMinute"] = "1000" });
        var workspace = await InviteAsync(app, TimeSpan.FromDays(7));
        using var person = new Browserless(app.Url);
        var page = await (await person.GetAsync($"/account/accept-invite?token={Token}")).Content.ReadAsStringAsync();
        Assert.Contains("new@example.test", page);
        var joined = await person.SubmitAsync($"/account/accept-invite?token={Token}", [new("Token", Token), new("Password", "a long enough sentence")]);
        Assert.Equal("/", joined.Headers.Location!.OriginalString);
        Assert.Equal(HttpStatusCode.OK, (await person.GetAsync("/")).StatusCode);

        await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        var user = await db.Users.SingleAsync(u => u.Email == "new@example.test");
        Assert.Equal(WorkspaceRole.Reviewer, (await db.Memberships.SingleAsync(m => m.UserId == user.Id && m.WorkspaceId == workspace)).Role);
        Assert.Equal("new@example.test", (await db.AuditEvents.SingleAsync(e => e.Action == AuditAction.MemberJoined)).ActorName);

        // Once.
        using var other = new Browserless(app.Url);
        Assert.Equal(HttpStatusCode.Gone, (await other.GetAsync($"/account/accept-invite?token={Token}")).StatusCode);
    }

    [Fact]
    public async Task Unknown_and_expired_invitations_look_the_same()
    {
        await using var app = new AdminApp(new() { ["Account:AttemptsPerMinute"] = "1000" });
        await InviteAsync(app, TimeSpan.FromDays(-1));
        using var person = new Browserless(app.Url);
        foreach (var token in (string[])[Token, "unknown", "", new('x', 3000)])
        {
            var answer = await person.GetAsync($"/account/accept-invite?token={token}");
            Assert.Equal(HttpStatusCode.Gone, answer.StatusCode);
            Assert.Contains("This invitation does not work", await answer.Content.ReadAsStringAsync());
        }
    }

    [Theory]
    [InlineData("gone@example.test")]
    [InlineData("builder@example.test")]
    [InlineData("disabled@example.test")]
    public async Task An_invitation_whose_sender_may_no_longer_invite_lets_nobody_in(string sender)
    {
        await using var app = new AdminApp();
        await InviteAsync(app, TimeSpan.FromDays(7), sender);
        await app.AddUserAsync("builder@example.test", workspace: "cs", role: WorkspaceRole.Builder);
        var disabled = await app.AddUserAsync("disabled@example.test", workspace: "cs", role: WorkspaceRole.Admin);
        await using var db = await app.DbAsync();
        (await db.Users.SingleAsync(u => u.Id == disabled.Id)).DisabledAt = app.Get<TimeProvider>().GetUtcNow();
        await db.SaveChangesAsync();
        await using var scope = app.Services.CreateAsyncScope();
        var refused = await scope.ServiceProvider.GetRequiredService<AcceptInvitation>().ExecuteAsync(Actor.Nobody, Token, "a long enough sentence", default);
        Assert.Equal(ProblemKind.NotFound, refused.Problem?.Kind);
        Assert.False(await db.Users.AnyAsync(u => u.Email == "new@example.test"));
    }

    [Fact]
    public async Task Nobody_waits_to_write_while_a_password_is_hashed()
    {
        await using var app = new AdminApp(new() { ["Account:AttemptsPerMinute"] = "1000" }, services: s => s.AddSingleton<GateSeen>().AddScoped<IPasswordHasher<AdminUser>, HashingSeen>());
        await InviteAsync(app, TimeSpan.FromDays(7));
        using var person = new Browserless(app.Url);
        await person.SubmitAsync($"/account/accept-invite?token={Token}", [new("Token", Token), new("Password", "a long enough sentence")]);
        // The bootstrap admin's and this one.
        Assert.Equal([true, true], app.Get<GateSeen>().Free);
    }

    internal sealed class GateSeen
    {
        public List<bool> Free { get; } = [];
    }

    internal sealed class HashingSeen(WriteGate gate, GateSeen seen) : PasswordHasher<AdminUser>
    {
        public override string HashPassword(AdminUser user, string password)
        {
            // A job may write at this moment; it is soon done, unlike a transaction that waits for this very hash.
            var free = gate.TryEnterAsync(TimeSpan.FromSeconds(30), default).GetAwaiter().GetResult();
            if (free) gate.Leave();
            seen.Free.Add(free);
            return base.HashPassword(user, password);
        }
    }

    private static async Task<Guid> InviteAsync(AdminApp app, TimeSpan lifetime, string sender = AdminApp.AdminEmail)
    {
        var now = app.Get<TimeProvider>().GetUtcNow();
        await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        var workspace = new Workspace(Guid.CreateVersion7(now), "cs", "Customer service", now);
        db.Workspaces.Add(workspace);
        db.Invitations.Add(new Invitation
        {
            Id = Guid.CreateVersion7(now), Email = "new@example.test", WorkspaceId = workspace.Id, Role = WorkspaceRole.Reviewer,
            TokenHash = AcceptInvitation.HashOf(Token), InvitedBy = sender, ExpiresAt = now + lifetime,
        });
        await db.SaveChangesAsync();
        return workspace.Id;
    }
}
