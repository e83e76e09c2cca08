using Evose.Admin.Domain.Calls;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata.Builders;

namespace Evose.Admin.Platform.Data.Mapping;

// Few indexes: every one is paid for at every call.
internal sealed class CallRecordMapping : IEntityTypeConfiguration<CallRecord>
{
    public void Configure(EntityTypeBuilder<CallRecord> b)
    {
        b.HasKey(c => c.Seq);
        b.Property(c => c.Seq).ValueGeneratedNever();
        b.HasIndex(c => new { c.Lane, c.Position }).IsUnique();
        b.HasIndex(c => new { c.CredentialId, c.Seq });
        b.HasIndex(c => new { c.WorkspaceId, c.Seq });
        b.HasIndex(c => new { c.Refused, c.Seq }).HasFilter("refused");
    }
}

internal sealed class CallCompletionMapping : IEntityTypeConfiguration<CallCompletion>
{
    public void Configure(EntityTypeBuilder<CallCompletion> b)
    {
        b.HasKey(c => c.CallSeq);
        b.Property(c => c.CallSeq).ValueGeneratedNever();
        b.HasIndex(c => new { c.Lane, c.Position }).IsUnique();
    }
}

internal sealed class UsageHourMapping : IEntityTypeConfiguration<UsageHour>
{
    public void Configure(EntityTypeBuilder<UsageHour> b) => b.HasKey(u => new { u.CredentialId, u.Hour, u.Version });
}

internal sealed class UsageSourceMapping : IEntityTypeConfiguration<UsageSource>
{
    public void Configure(EntityTypeBuilder<UsageSource> b) => b.HasKey(u => new { u.CredentialId, u.Day, u.Source });
}

internal sealed class CredentialUseMapping : IEntityTypeConfiguration<CredentialUse>
{
    public void Configure(EntityTypeBuilder<CredentialUse> b) => b.HasKey(u => u.CredentialId);
}
