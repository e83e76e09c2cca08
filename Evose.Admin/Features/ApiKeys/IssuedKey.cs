using System.Security.Cryptography;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Features.ApiKeys;

/// <summary>A key at the one moment when its text is known.</summary>
/// <param name="Text">The key itself; goes into one answer and nowhere else.</param>
public sealed record IssuedKey(ApiKey Key, string Text, IReadOnlyList<string>? Workspaces, string? Agent)
{
    /// <summary>What the answer to creation and rotation shows, and no other answer.</summary>
    public object Shape() => new
    {
        Key.Id,
        Key = Text,
        Key.Name,
        Prefix = ApiKeyToken.Prefix + Key.PublicId,
        Key.Scopes,
        Workspaces,
        Agent,
        Status = ApiKeyStatus.Live,
        Key.CreatedAt,
        Key.CreatedBy,
        Key.ExpiresAt,
    };

    // A record prints its members; this one must not.
    public override string ToString() => $"{nameof(IssuedKey)} {Key.PublicId}";

    /// <summary>Draws a key and adds its row, which holds only a keyed hash, and the event of its issue to the open transaction.</summary>
    internal static IssuedKey Draw(AdminDb db, SecretVault vault, Actor actor, DateTimeOffset now, string name, IReadOnlyList<string> scopes, IReadOnlyList<Workspace>? workspaces,
        (Guid Id, string Name)? agent, DateTimeOffset? expiresAt, string? note = null)
    {
        Span<byte> draws = stackalloc byte[ApiKeyToken.RandomLength];
        // GetInt32 rejects what would make some characters likelier than others.
        foreach (ref var draw in draws) draw = (byte)RandomNumberGenerator.GetInt32(62);
        var text = ApiKeyToken.Compose(draws);
        CryptographicOperations.ZeroMemory(draws);

        var key = new ApiKey
        {
            Id = Guid.CreateVersion7(now),
            PublicId = text.Substring(ApiKeyToken.Prefix.Length, ApiKeyToken.PublicIdLength),
            Hash = vault.ApiKeyHash(text),
            Name = name,
            Scopes = scopes,
            WorkspaceIds = workspaces is null ? null : [.. workspaces.Select(w => w.Id)],
            AgentId = agent?.Id,
            CreatedAt = now,
            CreatedBy = actor.Name,
            ExpiresAt = expiresAt,
        };
        db.ApiKeys.Add(key);
        var slugs = workspaces?.Select(w => w.Slug).Order(StringComparer.Ordinal).ToList();
        Tell(db, now, actor, AuditAction.ApiKeyIssued, key,
            $"{note}scopes {string.Join(' ', scopes)}; workspaces {(slugs is null ? "all" : string.Join(' ', slugs))}; "
            + $"{(agent is { } a ? $"agent {a.Name}; " : "")}{(expiresAt is { } end ? $"until {end.UtcDateTime:yyyy-MM-dd HH:mm}" : "without end")}");
        return new IssuedKey(key, text, slugs, agent?.Name);
    }

    /// <summary>An act on a key is an event of every workspace that the key reaches, so that each one's reviewer reads of it.</summary>
    internal static void Tell(AdminDb db, DateTimeOffset now, Actor actor, AuditAction action, ApiKey key, string? detail)
    {
        if (key.WorkspaceIds is null) AuditTrail.Append(db, now, actor, action, new AuditSubject(null, key.Name, key.Id), detail);
        else foreach (var id in key.WorkspaceIds) AuditTrail.Append(db, now, actor, action, new AuditSubject(id, key.Name, key.Id), detail);
    }
}
