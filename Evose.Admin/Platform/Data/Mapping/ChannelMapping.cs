using System.Text.Json;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Workspaces;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;
using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class NotificationChannelMapping : IEntityTypeConfiguration<NotificationChannel>
{
    public void Configure(EntityTypeBuilder<NotificationChannel> b)
    {
        b.HasKey(c => c.Id);
        b.Property(c => c.Id).ValueGeneratedNever();
        b.Property(c => c.Name).HasMaxLength(NotificationChannel.MaxName);
        b.Property(c => c.Language).HasMaxLength(8);
        b.Property(c => c.Host).HasMaxLength(260);
        b.Property(c => c.CreatedBy).HasMaxLength(256);
        b.Property(c => c.DisabledWhy).HasMaxLength(300);
        b.Property(c => c.Revision).IsConcurrencyToken();
        // By name: the numbers of the kinds are nobody's promise.
        b.Property(c => c.Kinds).HasConversion(
            k => JsonSerializer.Serialize(k.Select(x => x.ToString()), JsonSerializerOptions.Default),
            t => JsonSerializer.Deserialize<List<string>>(t, JsonSerializerOptions.Default)!.ConvertAll(Enum.Parse<NotificationKind>),
            new ValueComparer<IReadOnlyList<NotificationKind>>((x, y) => x!.SequenceEqual(y!), k => k.Count, k => k));
        b.Property(c => c.Recipients).HasConversion(
            r => JsonSerializer.Serialize(r, JsonSerializerOptions.Default),
            t => JsonSerializer.Deserialize<List<string>>(t, JsonSerializerOptions.Default)!,
            new ValueComparer<IReadOnlyList<string>>((x, y) => x!.SequenceEqual(y!), r => r.Count, r => r));
        b.HasOne<Workspace>().WithMany().HasForeignKey(c => c.WorkspaceId);
        b.HasIndex(c => c.WorkspaceId);
    }
}

internal sealed class DeliveryMapping : IEntityTypeConfiguration<Delivery>
{
    public void Configure(EntityTypeBuilder<Delivery> b)
    {
        b.HasKey(d => d.Id);
        b.Property(d => d.Id).ValueGeneratedNever();
        b.Property(d => d.LastAnswer).HasMaxLength(Delivery.MaxAnswer);
        b.HasOne<NotificationChannel>().WithMany().HasForeignKey(d => d.ChannelId);
        b.HasOne<Notification>().WithMany().HasForeignKey(d => d.NotificationId);
        // Two rows for one notification and channel cannot be, whoever writes them; rows of tests have no notification.
        b.HasIndex(d => new { d.ChannelId, d.NotificationId }).IsUnique();
        b.HasIndex(d => new { d.ChannelId, d.Number }).IsUnique();
        b.HasIndex(d => new { d.State, d.NextAttemptAt });
    }
}

internal sealed class NotificationSettingsMapping : IEntityTypeConfiguration<NotificationSettings>
{
    public void Configure(EntityTypeBuilder<NotificationSettings> b)
    {
        b.HasKey(s => s.WorkspaceId);
        b.Property(s => s.WorkspaceId).ValueGeneratedNever();
        b.Property(s => s.ChangedBy).HasMaxLength(256);
        b.Property(s => s.Revision).IsConcurrencyToken();
        b.Property(s => s.Ladder).HasConversion(LadderColumn.Converter, LadderColumn.Comparer);
        b.HasOne<Workspace>().WithMany().HasForeignKey(s => s.WorkspaceId);
        b.HasIndex(s => s.Stamp);
    }
}

/// <summary>A ladder in one column, as JSON.</summary>
internal static class LadderColumn
{
    public static readonly ValueConverter<IReadOnlyList<int>?, string?> Converter = new(
        l => l == null ? null : JsonSerializer.Serialize(l, JsonSerializerOptions.Default),
        t => t == null ? null : JsonSerializer.Deserialize<List<int>>(t, JsonSerializerOptions.Default));

    public static readonly ValueComparer<IReadOnlyList<int>?> Comparer = new((x, y) => x == y || (x != null && y != null && x.SequenceEqual(y)), l => l == null ? 0 : l.Count, l => l);
}
