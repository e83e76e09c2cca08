using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Notifications;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Channels;

/// <summary>Makes of deliveries what their readers read, and says who reads it.</summary>
public sealed class NoticeWriter(IOptions<NotificationOptions> options)
{
    /// <summary>In the order of the deliveries.</summary>
    public async Task<IReadOnlyList<ChannelNotice>> WriteAsync(AdminDb db, IReadOnlyList<Delivery> deliveries, string language, CancellationToken ct)
    {
        var ids = deliveries.Select(d => d.NotificationId).ToList();
        var rows = await (from n in db.Notifications.AsNoTracking()
                          where ids.Contains(n.Id)
                          select new
                          {
                              Notification = n,
                              Slug = db.Workspaces.Where(w => w.Id == n.WorkspaceId).Select(w => w.Slug).SingleOrDefault(),
                              Credential = db.Credentials.Where(c => c.Id == n.CredentialId).Select(c => c.Name).SingleOrDefault(),
                          }).ToDictionaryAsync(r => r.Notification.Id, ct);
        return [.. deliveries.Select(d => rows[d.NotificationId!.Value]).Select(r => Of(r.Notification, r.Slug, r.Credential, language))];
    }

    private ChannelNotice Of(Notification n, string? slug, string? credential, string language)
    {
        var (title, body) = NotificationTexts.In(language, n);
        return new ChannelNotice(n.Id, EventNames.Event(n.Kind), EventNames.Kind(n.Kind), n.Kind.Severity(), slug, credential, title, body, Absolute(n.Url), n.CreatedAt);
    }

    private string? Absolute(string? path) => path is not null && options.Value.PublicUrl is { Length: > 0 } at ? at.TrimEnd('/') + path : null;

    /// <summary>Who an e-mail goes to: the channel's addresses, or the owners of what it is about as long as nothing was escalated, or the admins.</summary>
    public async Task<IReadOnlyList<string>> RecipientsAsync(AdminDb db, NotificationChannel channel, IReadOnlyList<Delivery> deliveries, CancellationToken ct)
    {
        if (channel.Recipients.Count > 0) return channel.Recipients;
        var ids = deliveries.Select(d => d.NotificationId).OfType<Guid>().ToList();
        var about = await db.Notifications.AsNoTracking().Where(n => ids.Contains(n.Id)).Select(n => new { n.Kind, n.WorkspaceId, Owner = db.Credentials.Where(c => c.Id == n.CredentialId).Select(c => c.OwnerId).SingleOrDefault() }).ToListAsync(ct);
        var people = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        foreach (var n in about)
        {
            var owner = n.Owner is { } id && n.Kind != NotificationKind.Escalated ? await db.Users.Where(u => u.Id == id && u.DisabledAt == null).Select(u => u.Email).SingleOrDefaultAsync(ct) : null;
            if (owner is not null) people.Add(owner);
            else people.UnionWith(await AdminsAsync(db, channel.WorkspaceId is null ? null : n.WorkspaceId, ct));
        }
        // A test is about nothing.
        if (about.Count == 0) people.UnionWith(await AdminsAsync(db, channel.WorkspaceId, ct));
        return [.. people.Order(StringComparer.OrdinalIgnoreCase).Take(NotificationChannel.MaxRecipients)];
    }

    private static async Task<IReadOnlyList<string>> AdminsAsync(AdminDb db, Guid? workspace, CancellationToken ct)
    {
        var here = workspace is null ? [] : await (from m in db.Memberships
                                                   where m.WorkspaceId == workspace && m.Role == WorkspaceRole.Admin
                                                   join u in db.Users on m.UserId equals u.Id
                                                   where u.DisabledAt == null && u.Email != null
                                                   select u.Email!).ToListAsync(ct);
        // A workspace without an admin of its own is the organization's to look after.
        return here.Count > 0 ? here : await db.Users.Where(u => u.OrganizationRole == OrganizationRole.Admin && u.DisabledAt == null && u.Email != null).Select(u => u.Email!).ToListAsync(ct);
    }
}
