using System.Text.Json;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Workspaces;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.ChangeTracking;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

internal sealed class CredentialMapping : IEntityTypeConfiguration<Credential>
{
    public void Configure(EntityTypeBuilder<Credential> b)
    {
        b.HasKey(c => c.Id);
        b.Property(c => c.Id).ValueGeneratedNever();
        b.Property(c => c.Name).HasMaxLength(64);
        b.Property(c => c.Description).HasMaxLength(2000);
        b.Property(c => c.Provider).HasMaxLength(64);
        b.Property(c => c.NeedsSignInWhy).HasMaxLength(200);
        b.Property(c => c.FrozenBy).HasMaxLength(256);
        b.Property(c => c.Revision).IsConcurrencyToken();
        b.Property(c => c.AllowedHosts).HasConversion(
            h => JsonSerializer.Serialize(h, JsonSerializerOptions.Default),
            t => JsonSerializer.Deserialize<List<string>>(t, JsonSerializerOptions.Default)!,
            new ValueComparer<IReadOnlyList<string>>((x, y) => x!.SequenceEqual(y!), h => h.Count, h => h));
        b.Property(c => c.Injection).HasConversion(
            i => JsonSerializer.Serialize(i, JsonSerializerOptions.Default),
            t => t.Length == 0 ? Injection.None : JsonSerializer.Deserialize<Injection>(t, JsonSerializerOptions.Default)!,
            // The record compares lists by reference; its text is its value.
            new ValueComparer<Injection>(
                (x, y) => JsonSerializer.Serialize(x, JsonSerializerOptions.Default) == JsonSerializer.Serialize(y, JsonSerializerOptions.Default), i => i.Fields.Count, i => i));
        b.Property(c => c.NeedsSignInWhy).HasMaxLength(200);
        b.Property(c => c.Session).HasConversion(
            r => JsonSerializer.Serialize(r, JsonSerializerOptions.Default),
            t => JsonSerializer.Deserialize<SessionRules>(t, JsonSerializerOptions.Default),
            new ValueComparer<SessionRules?>(
                (x, y) => JsonSerializer.Serialize(x, JsonSerializerOptions.Default) == JsonSerializer.Serialize(y, JsonSerializerOptions.Default), r => r == null ? 0 : r.LoggedOutStatuses.Count, r => r));
        b.Ignore(c => c.Scope).Ignore(c => c.Pending).Ignore(c => c.Active).Ignore(c => c.Retiring).Ignore(c => c.NextVersionNumber);
        b.Property(c => c.Ladder).HasConversion(LadderColumn.Converter, LadderColumn.Comparer);
        b.HasOne<Workspace>().WithMany().HasForeignKey(c => c.WorkspaceId);
        b.HasMany(c => c.Versions).WithOne().HasForeignKey(v => v.CredentialId);
        b.HasMany(c => c.Grants).WithOne().HasForeignKey(g => g.CredentialId);
        // Part of the seal: who loads a credential must never find it without them.
        b.Navigation(c => c.Grants).AutoInclude();
        b.HasMany(c => c.ScopeMembers).WithOne().HasForeignKey(m => m.CredentialId);
        b.HasIndex(c => new { c.WorkspaceId, c.Name }).IsUnique().HasFilter("archived_at IS NULL");
        // A name's credentials in all workspaces.
        b.HasIndex(c => new { c.Name, c.WorkspaceId });
        // What is due in a workspace.
        b.HasIndex(c => new { c.WorkspaceId, c.ExpiresAt }).HasFilter("archived_at IS NULL AND expires_at IS NOT NULL");
        b.HasIndex(c => c.ExpiresAt);
        b.HasIndex(c => c.Stamp);
    }
}

internal sealed class CredentialVersionMapping : IEntityTypeConfiguration<CredentialVersion>
{
    public void Configure(EntityTypeBuilder<CredentialVersion> b)
    {
        b.HasKey(v => v.Id);
        b.Property(v => v.Id).ValueGeneratedNever();
        b.Property(v => v.Fingerprint).HasMaxLength(64);
        b.Property(v => v.VerifyNote).HasMaxLength(400);
        b.Property(v => v.CreatedBy).HasMaxLength(256);
        b.Property(v => v.PlainFields).HasConversion(
            f => f.Count == 0 ? "" : JsonSerializer.Serialize(f, JsonSerializerOptions.Default),
            t => t.Length == 0 ? new Dictionary<string, string>() : JsonSerializer.Deserialize<Dictionary<string, string>>(t, JsonSerializerOptions.Default)!,
            new ValueComparer<IReadOnlyDictionary<string, string>>((x, y) => x!.Count == y!.Count && !x.Except(y).Any(), f => f.Count, f => f));
        b.Ignore(v => v.Value).Ignore(v => v.Origin);
        b.HasMany(v => v.Fields).WithOne().HasForeignKey(f => f.VersionId);
        b.HasMany(v => v.ValueFingerprints).WithOne().HasForeignKey(f => f.VersionId);
        b.HasIndex(v => new { v.CredentialId, v.Number }).IsUnique();
        // At most one pending, one active and one retiring version of a credential, whatever the code does.
        b.HasIndex(v => new { v.CredentialId, v.State }).IsUnique().HasFilter("state IN (0, 1, 2)");
        b.HasIndex(v => v.Fingerprint);
    }
}

internal sealed class SealedFieldMapping : IEntityTypeConfiguration<SealedField>
{
    public void Configure(EntityTypeBuilder<SealedField> b)
    {
        b.HasKey(f => new { f.VersionId, f.Name });
        b.Property(f => f.Name).HasMaxLength(32);
    }
}

internal sealed class ValueFingerprintMapping : IEntityTypeConfiguration<ValueFingerprint>
{
    public void Configure(EntityTypeBuilder<ValueFingerprint> b)
    {
        b.HasKey(f => f.Id);
        b.Property(f => f.Id).ValueGeneratedNever();
        b.Property(f => f.Field).HasMaxLength(32);
        b.Property(f => f.Fingerprint).HasMaxLength(64);
        b.HasIndex(f => f.Fingerprint);
        b.HasIndex(f => f.VersionId);
    }
}

internal sealed class ScopeMemberMapping : IEntityTypeConfiguration<ScopeMember>
{
    public void Configure(EntityTypeBuilder<ScopeMember> b)
    {
        b.HasKey(m => new { m.CredentialId, m.ConsumerId });
        b.HasIndex(m => m.ConsumerId);
        b.HasOne<Consumer>().WithMany().HasForeignKey(m => m.ConsumerId);
    }
}

internal sealed class CredentialGrantMapping : IEntityTypeConfiguration<CredentialGrant>
{
    public void Configure(EntityTypeBuilder<CredentialGrant> b)
    {
        b.HasKey(g => new { g.CredentialId, g.WorkspaceId });
        b.HasIndex(g => g.WorkspaceId);
        b.HasOne<Workspace>().WithMany().HasForeignKey(g => g.WorkspaceId);
    }
}

internal sealed class RotationMapping : IEntityTypeConfiguration<Rotation>
{
    public void Configure(EntityTypeBuilder<Rotation> b)
    {
        b.HasKey(r => r.Id);
        b.Property(r => r.Id).ValueGeneratedNever();
        b.Property(r => r.Revision).IsConcurrencyToken();
        b.HasOne<Credential>().WithMany().HasForeignKey(r => r.CredentialId);
        // At most one open rotation of a credential.
        b.HasIndex(r => r.CredentialId).IsUnique().HasFilter("state IN (0, 1)");
        b.HasIndex(r => new { r.State, r.RetireAt });
        b.HasIndex(r => r.WorkspaceId);
    }
}

internal sealed class StagedValueMapping : IEntityTypeConfiguration<StagedValue>
{
    public void Configure(EntityTypeBuilder<StagedValue> b)
    {
        b.HasKey(s => s.Id);
        b.Property(s => s.Id).ValueGeneratedNever();
        b.HasIndex(s => s.ExpiresAt);
    }
}
