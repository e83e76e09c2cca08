using Evose.Admin.Domain.Providers;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class OwnProviderMapping : IEntityTypeConfiguration<OwnProvider>
{
    public void Configure(EntityTypeBuilder<OwnProvider> b)
    {
        b.HasKey(p => p.Id);
        b.Property(p => p.Id).ValueGeneratedNever();
        b.Property(p => p.Slug).HasMaxLength(40);
        b.Property(p => p.ChangedBy).HasMaxLength(256);
        b.Property(p => p.Revision).IsConcurrencyToken();
        b.HasIndex(p => p.Slug).IsUnique();
    }
}
