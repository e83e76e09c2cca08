using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Features.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Catalog;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Tests.Support;

/// <summary>What the tests of tools, agents and workflows stand on.</summary>
public static class GivenConsumers
{
    private static readonly Actor Setup = Actor.Job("test");

    private static int _workspaces;

    /// <summary>A workspace of its own, so that tests may share an app.</summary>
    public static async Task<Workspace> WorkspaceAsync(this AdminApp app)
    {
        var slug = $"ws{Interlocked.Increment(ref _workspaces)}";
        return (await app.Get<CreateWorkspace>().ExecuteAsync(await app.AdminAsync(), new CreateWorkspace.Input(slug, slug), default)).Value!;
    }

    /// <summary>A person with a role in the workspace, or outside of it when there is none.</summary>
    public static async Task<Actor> PersonAsync(this AdminApp app, Guid workspaceId, WorkspaceRole? role)
    {
        await using var db = await app.DbAsync();
        var now = TimeProvider.System.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var email = $"{id:N}@example.test";
        db.Users.Add(new AdminUser { Id = id, UserName = email, NormalizedUserName = email.ToUpperInvariant(), Email = email, CreatedAt = now });
        if (role is { } given) db.Memberships.Add(new Membership { WorkspaceId = workspaceId, UserId = id, Role = given });
        await db.SaveChangesAsync();
        return new Actor(ActorKind.User, id, email);
    }

    /// <summary>An API key that reaches only the workspace.</summary>
    public static async Task<string> KeyAsync(this AdminApp app, Guid workspaceId, params string[] scopes)
    {
        var token = ApiKeyToken.Compose([.. Enumerable.Range(0, 32).Select(_ => (byte)RandomNumberGenerator.GetInt32(62))]);
        Assert.True(ApiKeyToken.TryPublicId(token, out var publicId));
        var now = TimeProvider.System.GetUtcNow();
        await using var db = await app.DbAsync();
        db.ApiKeys.Add(new ApiKey
        {
            Id = Guid.CreateVersion7(now), PublicId = publicId, Hash = app.Get<SecretVault>().ApiKeyHash(token), Name = "bound", Scopes = [.. scopes], WorkspaceIds = [workspaceId], CreatedAt = now, CreatedBy = "test",
        });
        await db.SaveChangesAsync();
        return token;
    }

    /// <summary>A credential with an active version whose fields all hold a fake value.</summary>
    public static async Task<Guid> CredentialAsync(this AdminApp app, Workspace workspace, string name, string[]? hosts = null, string[]? fields = null, params ScopeMember[] scope)
    {
        var vault = app.Get<SecretVault>();
        var now = TimeProvider.System.GetUtcNow();
        var id = Guid.CreateVersion7(now);
        var values = (fields ?? [Credential.MainField]).ToDictionary(f => f, _ => Plaintext.CopyOf(Encoding.UTF8.GetBytes("fake-value")));
        var credential = Credential.Register(id, workspace.Id, name, CredentialType.ApiKey, now);
        credential.AddVersion(Guid.CreateVersion7(now), vault.Seal(new SecretAddress(workspace.Id, id, 1), values), vault.Fingerprint(values.Values.First()), "test", now);
        credential.Promote(now);
        credential.ChangePolicy(scope.Select(m => new ScopeMember { CredentialId = id, ConsumerId = m.ConsumerId, Kind = m.Kind }), hosts ?? ["127.0.0.1"], c => PolicySeal.Of(vault, c));

        await using var db = await app.DbAsync();
        db.Credentials.Add(credential);
        AuditTrail.Append(db, now, Setup, AuditAction.CredentialRegistered, AuditSubject.Credential(credential, policy: true));
        await db.SaveChangesAsync();
        return id;
    }

    public static async Task<Consumer> ConsumerAsync(this AdminApp app, Guid workspaceId, ConsumerKind kind, string name)
    {
        await using var db = await app.DbAsync();
        return await db.Consumers.AsNoTracking().SingleAsync(c => c.WorkspaceId == workspaceId && c.Kind == kind && c.Name == name && c.DeletedAt == null);
    }
}
