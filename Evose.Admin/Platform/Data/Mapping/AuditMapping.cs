using System.Text.Json;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class AuditEventMapping : IEntityTypeConfiguration<AuditEvent>
{
    public void Configure(EntityTypeBuilder<AuditEvent> b)
    {
        b.HasKey(e => e.Seq);
        b.Property(e => e.Seq).ValueGeneratedNever();
        b.HasIndex(e => new { e.WorkspaceId, e.Seq });
        b.HasIndex(e => e.At);
        b.HasIndex(e => new { e.SubjectId, e.PolicyVersion });
        b.HasIndex(e => new { e.CredentialId, e.Seq });
        b.HasIndex(e => new { e.ActorName, e.Seq });
        // Which credentials a name ever meant, from the index alone.
        b.HasIndex(e => new { e.Subject, e.CredentialId }).HasFilter("credential_id IS NOT NULL");
    }
}

internal sealed class ChainHeadMapping : IEntityTypeConfiguration<ChainHead>
{
    public void Configure(EntityTypeBuilder<ChainHead> b)
    {
        b.HasKey(h => h.Lane);
        b.Property(h => h.Lane).HasMaxLength(16);
    }
}

internal sealed class NotificationMapping : IEntityTypeConfiguration<Notification>
{
    public void Configure(EntityTypeBuilder<Notification> b)
    {
        b.HasKey(n => n.Id);
        b.Property(n => n.Id).ValueGeneratedNever();
        b.Property(n => n.Key).HasMaxLength(200);
        b.Property(n => n.Facts).HasConversion(
            f => JsonSerializer.Serialize(f, JsonSerializerOptions.Default),
            t => t.Length == 0 ? new Dictionary<string, string>() : JsonSerializer.Deserialize<Dictionary<string, string>>(t, JsonSerializerOptions.Default)!,
            new ValueComparer<IReadOnlyDictionary<string, string>>((x, y) => ReferenceEquals(x, y), f => f.Count, f => f));
        b.HasIndex(n => n.Key).IsUnique();
        b.HasIndex(n => new { n.WorkspaceId, n.AcknowledgedAt });
    }
}

internal sealed class JobRunMapping : IEntityTypeConfiguration<JobRun>
{
    public void Configure(EntityTypeBuilder<JobRun> b)
    {
        b.HasKey(r => r.Id);
        b.Property(r => r.Id).ValueGeneratedNever();
        b.HasIndex(r => new { r.Name, r.StartedAt });
    }
}

internal sealed class IdempotencyRecordMapping : IEntityTypeConfiguration<IdempotencyRecord>
{
    public void Configure(EntityTypeBuilder<IdempotencyRecord> b)
    {
        b.HasKey(r => r.Key);
        b.Property(r => r.Key).HasMaxLength(64);
        b.HasIndex(r => r.CreatedAt);
    }
}
