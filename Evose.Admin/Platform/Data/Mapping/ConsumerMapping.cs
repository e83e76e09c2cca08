using System.Text.Json;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class ConsumerMapping : IEntityTypeConfiguration<Consumer>
{
    public void Configure(EntityTypeBuilder<Consumer> b)
    {
        b.HasKey(c => c.Id);
        b.Property(c => c.Id).ValueGeneratedNever();
        b.Property(c => c.Name).HasMaxLength(64);
        b.Property(c => c.Description).HasMaxLength(2000);
        b.Property(c => c.Revision).IsConcurrencyToken();
        b.Property(c => c.Config).HasConversion(
            c => c == null ? null : JsonSerializer.Serialize(c, JsonSerializerOptions.Default),
            t => t == null ? null : JsonSerializer.Deserialize<ToolConfig>(t, JsonSerializerOptions.Default),
            // The record compares dictionaries by reference; its text is its value.
            new ValueComparer<ToolConfig?>(
                (x, y) => JsonSerializer.Serialize(x, JsonSerializerOptions.Default) == JsonSerializer.Serialize(y, JsonSerializerOptions.Default),
                c => c == null ? 0 : c.BaseUrl.GetHashCode(StringComparison.Ordinal),
                c => c));
        b.HasOne<Workspace>().WithMany().HasForeignKey(c => c.WorkspaceId);
        b.HasIndex(c => new { c.WorkspaceId, c.Kind, c.Name }).IsUnique().HasFilter("deleted_at IS NULL");
        b.HasIndex(c => c.Stamp);
    }
}

internal sealed class ConsumerLinkMapping : IEntityTypeConfiguration<ConsumerLink>
{
    public void Configure(EntityTypeBuilder<ConsumerLink> b)
    {
        b.HasKey(l => new { l.FromId, l.ToId });
        b.HasIndex(l => l.ToId);
        b.HasOne<Consumer>().WithMany().HasForeignKey(l => l.FromId);
        b.HasOne<Consumer>().WithMany().HasForeignKey(l => l.ToId);
    }
}

internal sealed class ReferenceMapping : IEntityTypeConfiguration<Reference>
{
    public void Configure(EntityTypeBuilder<Reference> b)
    {
        b.HasKey(r => new { r.ToolId, r.CredentialName, r.Place });
        b.Property(r => r.CredentialName).HasMaxLength(64);
        b.Property(r => r.Place).HasMaxLength(200);
        b.HasIndex(r => new { r.WorkspaceId, r.CredentialName });
        b.HasOne<Consumer>().WithMany().HasForeignKey(r => r.ToolId);
    }
}
