using System.Text.Json;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class HygieneFindingMapping : IEntityTypeConfiguration<HygieneFinding>
{
    public void Configure(EntityTypeBuilder<HygieneFinding> b)
    {
        b.HasKey(f => f.Id);
        b.Property(f => f.Id).ValueGeneratedNever();
        b.Property(f => f.Rule).HasMaxLength(32);
        b.Property(f => f.Key).HasMaxLength(80);
        b.Property(f => f.Subject).HasMaxLength(64);
        b.Property(f => f.Text).HasMaxLength(HygieneFinding.MaxText);
        b.Property(f => f.FactsHash).HasMaxLength(32);
        b.Property(f => f.AcceptedBy).HasMaxLength(256);
        b.Property(f => f.AcceptReason).HasMaxLength(AcceptancePolicy.MaxReason);
        b.Property(f => f.Revision).IsConcurrencyToken();
        b.Property(f => f.Members).HasConversion(
            m => m.Count == 0 ? "" : JsonSerializer.Serialize(m, JsonSerializerOptions.Default),
            t => t.Length == 0 ? new List<Guid>() : JsonSerializer.Deserialize<List<Guid>>(t, JsonSerializerOptions.Default)!,
            new ValueComparer<IReadOnlyList<Guid>>((x, y) => x!.SequenceEqual(y!), m => m.Count, m => m));
        b.HasOne<Workspace>().WithMany().HasForeignKey(f => f.WorkspaceId);
        b.HasIndex(f => f.Key).IsUnique();
        // What is shown and counted is what is not resolved; the rest is history.
        b.HasIndex(f => new { f.WorkspaceId, f.Severity, f.Rule, f.Subject }).HasFilter("resolved_at IS NULL");
        b.HasIndex(f => f.SubjectId);
        b.HasIndex(f => new { f.WorkspaceId, f.ResolvedAt }).HasFilter("resolved_at IS NOT NULL");
        b.HasIndex(f => f.WorkspaceId).HasFilter("told_at IS NULL AND resolved_at IS NULL AND severity = 2");
    }
}

internal sealed class HygieneLookMapping : IEntityTypeConfiguration<HygieneLook>
{
    public void Configure(EntityTypeBuilder<HygieneLook> b) => b.HasKey(l => l.WorkspaceId);
}
