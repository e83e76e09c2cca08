using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.OAuth;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class TokenGrantMapping : IEntityTypeConfiguration<TokenGrant>
{
    public void Configure(EntityTypeBuilder<TokenGrant> b)
    {
        b.HasKey(g => g.CredentialId);
        b.Property(g => g.CredentialId).ValueGeneratedNever();
        b.Property(g => g.AuthorizedBy).HasMaxLength(256);
        b.Property(g => g.GrantedScopes).HasMaxLength(2000);
        b.Property(g => g.LastFaultCode).HasMaxLength(64);
        b.HasOne<Credential>().WithOne().HasForeignKey<TokenGrant>(g => g.CredentialId);
        b.HasIndex(g => g.RefreshAt);
        b.HasIndex(g => g.AuthorizedById);
    }
}

internal sealed class ConnectAttemptMapping : IEntityTypeConfiguration<ConnectAttempt>
{
    public void Configure(EntityTypeBuilder<ConnectAttempt> b)
    {
        b.HasKey(a => a.Id);
        b.Property(a => a.Id).ValueGeneratedNever();
        b.Property(a => a.RedirectUri).HasMaxLength(2048);
        b.HasOne<Credential>().WithMany().HasForeignKey(a => a.CredentialId);
        b.HasIndex(a => a.StateHash).IsUnique();
        b.HasIndex(a => a.ExpiresAt);
    }
}
