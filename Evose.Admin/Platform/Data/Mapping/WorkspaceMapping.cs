using Evose.Admin.Domain.Workspaces;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class WorkspaceMapping : IEntityTypeConfiguration<Workspace>
{
    public void Configure(EntityTypeBuilder<Workspace> b)
    {
        b.HasKey(w => w.Id);
        b.Property(w => w.Id).ValueGeneratedNever();
        b.Property(w => w.Slug).HasMaxLength(64);
        b.Property(w => w.Name).HasMaxLength(120);
        b.Ignore(w => w.IsOrganization);
        // Stamp 0: no call goes through the organization, so the data plane need not know it.
        b.HasData(new { Id = Workspace.OrganizationId, Slug = Workspace.OrganizationSlug, Name = "Organization", IsDemo = false, CreatedAt = DateTimeOffset.UnixEpoch, Stamp = 0L });
        b.HasIndex(w => w.Slug).IsUnique();
        b.HasIndex(w => w.Stamp);
    }
}

internal sealed class MembershipMapping : IEntityTypeConfiguration<Membership>
{
    public void Configure(EntityTypeBuilder<Membership> b)
    {
        b.HasKey(m => new { m.WorkspaceId, m.UserId });
        b.HasIndex(m => m.UserId);
        b.HasOne<Workspace>().WithMany().HasForeignKey(m => m.WorkspaceId);
        b.HasOne<AdminUser>().WithMany().HasForeignKey(m => m.UserId);
    }
}

internal sealed class InvitationMapping : IEntityTypeConfiguration<Invitation>
{
    public void Configure(EntityTypeBuilder<Invitation> b)
    {
        b.HasKey(i => i.Id);
        b.Property(i => i.Id).ValueGeneratedNever();
        b.Property(i => i.Email).HasMaxLength(256);
        b.HasIndex(i => i.TokenHash).IsUnique();
    }
}
