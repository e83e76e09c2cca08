using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Notifications;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.OAuth;

/// <summary>Lists what lives on a person's sign-ins when that person is shut out: the grants stay in force until somebody else connects, for nothing may fail unasked.</summary>
public static class DepartedAuthorizer
{
    /// <summary>One notification per credential and departure, in the caller's transaction; how many there are.</summary>
    public static async Task<int> TellAsync(AdminDb db, AdminUser user, DateTimeOffset now, CancellationToken ct)
    {
        var grants = await (from g in db.TokenGrants.AsNoTracking()
                            where g.AuthorizedById == user.Id
                            join c in db.Credentials.AsNoTracking() on g.CredentialId equals c.Id
                            where c.ArchivedAt == null
                            join w in db.Workspaces.AsNoTracking() on c.WorkspaceId equals w.Id
                            orderby c.Name
                            select new { c.Id, c.WorkspaceId, c.Name, w.Slug, g.AuthorizedAt }).ToListAsync(ct);
        foreach (var g in grants)
        {
            await NotificationOutbox.RaiseAsync(db, new Notification
            {
                Id = Guid.CreateVersion7(now),
                WorkspaceId = g.WorkspaceId,
                CredentialId = g.Id,
                Kind = NotificationKind.AuthorizerGone,
                Key = $"authorizer:{g.Id:N}:{user.Id:N}:{now:yyyyMMddHHmm}",
                Title = $"{g.Name} lives on the sign-in of {user.Email}, who was shut out",
                Body = "It works on for as long as the provider lets it. Have somebody else connect it, or archive it if nothing needs it.",
                Url = $"/w/{g.Slug}/credentials/{g.Name}/connect",
                CreatedAt = now,
                Facts = new Dictionary<string, string> { [NotificationTexts.Name] = g.Name, [NotificationTexts.Who] = user.Email ?? "" },
            }, ct);
        }
        return grants.Count;
    }
}
