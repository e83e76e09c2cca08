using System.Text.Json;
using Evose.Admin.Domain.Access;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class ApiKeyMapping : IEntityTypeConfiguration<ApiKey>
{
    public void Configure(EntityTypeBuilder<ApiKey> b)
    {
        b.HasKey(k => k.Id);
        b.Property(k => k.Id).ValueGeneratedNever();
        b.Property(k => k.PublicId).HasMaxLength(12);
        b.Property(k => k.Name).HasMaxLength(120);
        b.Property(k => k.Scopes).HasConversion(
            s => string.Join(' ', s),
            t => t.Split(' ', StringSplitOptions.RemoveEmptyEntries),
            new ValueComparer<IReadOnlyList<string>>((x, y) => x!.SequenceEqual(y!), s => s.Count, s => s));
        b.Property(k => k.WorkspaceIds).HasConversion(
            w => w == null ? null : JsonSerializer.Serialize(w, JsonSerializerOptions.Default),
            t => t == null ? null : JsonSerializer.Deserialize<List<Guid>>(t, JsonSerializerOptions.Default),
            new ValueComparer<IReadOnlyList<Guid>?>((x, y) => x == y || (x != null && y != null && x.SequenceEqual(y)), w => w == null ? 0 : w.Count, w => w));
        b.HasIndex(k => k.PublicId).IsUnique();
        b.HasIndex(k => k.Stamp);
    }
}

internal sealed class KeyGenerationMapping : IEntityTypeConfiguration<KeyGeneration>
{
    public void Configure(EntityTypeBuilder<KeyGeneration> b)
    {
        b.HasKey(k => k.Generation);
        b.Property(k => k.Generation).ValueGeneratedNever();
    }
}

internal sealed class InstallationMapping : IEntityTypeConfiguration<Installation>
{
    public void Configure(EntityTypeBuilder<Installation> b)
    {
        b.HasKey(i => i.Id);
        b.Property(i => i.Id).ValueGeneratedNever();
    }
}
