using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Account;

/// <summary>The first organization admin and the first API key, from settings, once. Does nothing where they exist.</summary>
public sealed class Bootstrap(IServiceScopeFactory scopes, IDbContextFactory<AdminDb> dbs, SecretVault vault, IOptions<BootstrapOptions> options, TimeProvider clock)
{
    public async Task RunAsync(CancellationToken ct)
    {
        if (vault.IsSealed) return;
        if (options.Value.AdminEmail is { Length: > 0 } email)
        {
            await using var scope = scopes.CreateAsyncScope();
            var users = scope.ServiceProvider.GetRequiredService<UserManager<AdminUser>>();
            if (!await users.Users.AnyAsync(ct))
            {
                var admin = NewAdmin(email, clock.GetUtcNow());
                var wrong = await PasswordRule.SetAsync(users, admin, options.Value.AdminPassword ?? "") ?? await CreateAsync(users, scope.ServiceProvider.GetRequiredService<AdminDb>(), admin);
                if (wrong is not null) throw new OptionsValidationException("Bootstrap", typeof(BootstrapOptions), [$"Bootstrap:AdminEmail and Bootstrap:AdminPassword: {wrong}"]);
            }
        }
        if (options.Value.ApiKey is { Length: > 0 } key) await AddKeyAsync(key, ct);
    }

    /// <summary>The first organization admin, still without password and not stored.</summary>
    internal static AdminUser NewAdmin(string email, DateTimeOffset now) =>
        new() { Id = Guid.CreateVersion7(now), UserName = email, Email = email, EmailConfirmed = true, OrganizationRole = OrganizationRole.Admin, CreatedAt = now };

    /// <summary>Stores the admin, who has a password hash already; null when made, otherwise what is wrong.</summary>
    internal static async Task<string?> CreateAsync(UserManager<AdminUser> users, AdminDb db, AdminUser admin)
    {
        // The context is the one that the user store writes with, so the event is saved with the user.
        AuditTrail.Append(db, admin.CreatedAt, new Actor(ActorKind.User, admin.Id, admin.Email!), AuditAction.OrganizationSetUp, new AuditSubject(null, admin.Email, admin.Id));
        var result = await users.CreateAsync(admin);
        if (result.Succeeded) return null;
        db.ChangeTracker.Clear();
        return string.Join(' ', result.Errors.Select(e => e.Description));
    }

    private async Task AddKeyAsync(string token, CancellationToken ct)
    {
        if (!ApiKeyToken.TryPublicId(token, out var publicId) || token.Length < 36)
            throw new OptionsValidationException("Bootstrap", typeof(BootstrapOptions), ["Bootstrap:ApiKey must be 'evk_' and at least 32 more characters."]);
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await db.ApiKeys.AnyAsync(k => k.PublicId == publicId, ct)) return;
        var now = clock.GetUtcNow();
        var key = new ApiKey { Id = Guid.CreateVersion7(now), PublicId = publicId, Hash = vault.ApiKeyHash(token), Name = "bootstrap", Scopes = [ApiKeyScopes.All], CreatedAt = now, CreatedBy = "bootstrap" };
        db.ApiKeys.Add(key);
        AuditTrail.Append(db, now, Actor.Job("bootstrap"), AuditAction.ApiKeyIssued, new AuditSubject(null, key.Name, key.Id), "scopes *");
        await write.CommitAsync(ct);
    }
}
