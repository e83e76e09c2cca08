using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Tests.Support;

/// <summary>People of a running app: accounts made directly, actors for use cases, and HTTP clients that carry a real sign-in cookie.</summary>
public static class SignedIn
{
    public static async Task<AdminUser> UserAsync(this AdminApp app, string email)
    {
        await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        return await db.Users.AsNoTracking().SingleAsync(u => u.Email == email);
    }

    public static async Task<Actor> ActorAsync(this AdminApp app, string email = AdminApp.AdminEmail) => new(ActorKind.User, (await app.UserAsync(email)).Id, email);

    /// <summary>Adds a person; with a workspace slug also as its member.</summary>
    public static async Task<Actor> AddUserAsync(this AdminApp app, string email, OrganizationRole organization = OrganizationRole.Member, string? workspace = null, WorkspaceRole role = WorkspaceRole.User)
    {
        await using var db = await app.Get<IDbContextFactory<AdminDb>>().CreateDbContextAsync();
        var now = app.Get<TimeProvider>().GetUtcNow();
        var user = new AdminUser
        {
            Id = Guid.CreateVersion7(now), UserName = email, NormalizedUserName = email.ToUpperInvariant(), Email = email, NormalizedEmail = email.ToUpperInvariant(), EmailConfirmed = true,
            SecurityStamp = "stamp", ConcurrencyStamp = "stamp", OrganizationRole = organization, CreatedAt = now,
        };
        db.Users.Add(user);
        if (workspace is not null) db.Memberships.Add(new Membership { WorkspaceId = await db.Workspaces.Where(w => w.Slug == workspace).Select(w => w.Id).SingleAsync(), UserId = user.Id, Role = role });
        await db.SaveChangesAsync();
        return new Actor(ActorKind.User, user.Id, email);
    }

    /// <summary>Name and value of the cookie that signing in would set.</summary>
    public static async Task<Cookie> CookieAsync(this AdminApp app, string email = AdminApp.AdminEmail)
    {
        await using var scope = app.Services.CreateAsyncScope();
        var principal = await scope.ServiceProvider.GetRequiredService<IUserClaimsPrincipalFactory<AdminUser>>().CreateAsync(await app.UserAsync(email));
        var options = app.Get<IOptionsMonitor<CookieAuthenticationOptions>>().Get(IdentityConstants.ApplicationScheme);
        var now = app.Get<TimeProvider>().GetUtcNow();
        var ticket = new AuthenticationTicket(principal, new AuthenticationProperties { IssuedUtc = now, ExpiresUtc = now.AddHours(8) }, IdentityConstants.ApplicationScheme);
        return new Cookie(options.Cookie.Name!, options.TicketDataFormat.Protect(ticket), "/", "localhost");
    }

    /// <summary>A browser's HTTP side: signed in, keeps cookies, follows nothing.</summary>
    public static async Task<HttpClient> BrowserAsync(this AdminApp app, string email = AdminApp.AdminEmail)
    {
        var cookies = new CookieContainer();
        cookies.Add(await app.CookieAsync(email));
        return new HttpClient(new HttpClientHandler { CookieContainer = cookies, AllowAutoRedirect = false }) { BaseAddress = new Uri(app.Url) };
    }

    /// <summary>Posts a ticket as the page's script does: with the antiforgery token it asked for.</summary>
    public static async Task<HttpResponseMessage> PostTicketAsync(this HttpClient browser, string path, string ticket)
    {
        var token = (await browser.GetFromJsonAsync<JsonElement>("/ui/antiforgery")).GetProperty("token").GetString();
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = JsonContent.Create(new { ticket }) };
        request.Headers.Add("RequestVerificationToken", token);
        return await browser.SendAsync(request);
    }
}
