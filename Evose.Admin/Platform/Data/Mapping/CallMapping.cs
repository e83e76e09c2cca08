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
        b.HasIndex(c => new { c.UserId, c.Seq }).HasFilter("user_id IS NOT NULL");
        b.HasIndex(c => new { c.ApiKey, c.Seq }).HasFilter("api_key IS NOT NULL");
        b.HasIndex(c => new { c.Tool, c.Seq }).HasFilter("tool IS NOT NULL");
    }
}

internal sealed class CallCompletionMapping : IEntityTypeConfiguration<CallCompletion>
{
    public void Configure(EntityTypeBuilder<CallCompletion> b)
    {
        b.HasKey(c => c.CallSeq);
        b.Property(c => c.CallSeq).ValueGeneratedNever();
        b.HasIndex(c => new { c.Lane, c.Position }).IsUnique();
        b.HasIndex(c => new { c.Outcome, c.CallSeq }).HasFilter("outcome <> 1");
    }
}

internal sealed class UsageHourMapping : IEntityTypeConfiguration<UsageHour>
{
    public void Configure(EntityTypeBuilder<UsageHour> b) => b.HasKey(u => new { u.Hour, u.CredentialId, u.Version });
}

internal sealed class UsageSourceMapping : IEntityTypeConfiguration<UsageSource>
{
    public void Configure(EntityTypeBuilder<UsageSource> b) => b.HasKey(u => new { u.Day, u.CredentialId, u.Kind, u.Name });
}

internal sealed class UsageDayMapping : IEntityTypeConfiguration<UsageDay>
{
    public void Configure(EntityTypeBuilder<UsageDay> b) => b.HasKey(u => new { u.Day, u.CredentialId, u.Version });
}

internal sealed class CallNameMapping : IEntityTypeConfiguration<CallName>
{
    public void Configure(EntityTypeBuilder<CallName> b) => b.HasKey(n => new { n.Kind, n.Id, n.Name, n.Email });
}

internal sealed class CallSegmentMapping : IEntityTypeConfiguration<CallSegment>
{
    public void Configure(EntityTypeBuilder<CallSegment> b)
    {
        b.HasKey(s => s.Number);
        b.Property(s => s.Number).ValueGeneratedNever();
    }
}

internal sealed class RetiredCallsMapping : IEntityTypeConfiguration<RetiredCalls>
{
    public void Configure(EntityTypeBuilder<RetiredCalls> b)
    {
        b.HasKey(r => new { r.Lane, r.Position });
        b.Property(r => r.Lane).HasMaxLength(16);
    }
}

internal sealed class CredentialUseMapping : IEntityTypeConfiguration<CredentialUse>
{
    public void Configure(EntityTypeBuilder<CredentialUse> b) => b.HasKey(u => u.CredentialId);
}
