using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Workspaces;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class LeakReportMapping : IEntityTypeConfiguration<LeakReport>
{
    public void Configure(EntityTypeBuilder<LeakReport> b)
    {
        b.HasKey(r => r.Id);
        b.Property(r => r.Id).ValueGeneratedNever();
        b.Property(r => r.Credential).HasMaxLength(64);
        b.Property(r => r.Place).HasMaxLength(500);
        b.Property(r => r.Note).HasMaxLength(1000);
        b.Property(r => r.ReportedBy).HasMaxLength(256);
        b.HasMany(r => r.Steps).WithOne().HasForeignKey(s => s.ReportId);
        b.HasOne<Workspace>().WithMany().HasForeignKey(r => r.WorkspaceId);
        b.HasIndex(r => new { r.WorkspaceId, r.ReportedAt });
        b.HasIndex(r => new { r.CredentialId, r.State });
    }
}

internal sealed class LeakStepMapping : IEntityTypeConfiguration<LeakStep>
{
    public void Configure(EntityTypeBuilder<LeakStep> b)
    {
        b.HasKey(s => s.Id);
        b.Property(s => s.Id).ValueGeneratedNever();
        b.Property(s => s.By).HasMaxLength(256);
        b.Property(s => s.Note).HasMaxLength(1000);
        b.HasIndex(s => s.ReportId);
    }
}
