using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain.Credentials;

public sealed class CredentialTests
{
    private static readonly DateTimeOffset T0 = new(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_first_value_goes_live_by_promotion()
    {
        var credential = Fresh();
        Assert.Null(VersionSelector.Pick(credential.Versions, T0));
        Add(credential);
        Assert.Null(VersionSelector.Pick(credential.Versions, T0));
        credential.Promote(T0);
        Assert.Equal(1, credential.ActiveVersion);
        Assert.Null(credential.Retiring);
        Assert.Equal(1, VersionSelector.Pick(credential.Versions, T0)!.Number);
    }

    [Fact]
    public void Promotion_swaps_and_keeps_the_old_value()
    {
        var credential = InGrace();
        Assert.Equal((2, VersionState.Active, 1, VersionState.Retiring), (credential.Active!.Number, credential.Active.State, credential.Retiring!.Number, credential.Retiring.State));
        Assert.Equal(2, credential.ActiveVersion);
        Assert.NotNull(credential.Retiring.Value);
        Assert.Equal(T0.AddHours(1), credential.Retiring.RetiringAt);
        Assert.Equal(2, VersionSelector.Pick(credential.Versions, T0.AddDays(-9))!.Number);
    }

    [Fact]
    public void Rolling_back_brings_the_old_value_back_and_destroys_the_new_one()
    {
        var credential = InGrace();
        credential.RollBack(T0.AddHours(2));
        Assert.Equal(1, credential.ActiveVersion);
        Assert.Equal(VersionState.Active, credential.Versions[0].State);
        Assert.Null(credential.Versions[0].RetiringAt);
        AssertDestroyed(credential.Versions[1], VersionState.Discarded, T0.AddHours(2));
        Assert.Equal(1, VersionSelector.Pick(credential.Versions, T0)!.Number);
    }

    [Fact]
    public void Retiring_destroys_the_old_value()
    {
        var credential = InGrace();
        credential.Retire(T0.AddDays(1));
        AssertDestroyed(credential.Versions[0], VersionState.Retired, T0.AddDays(1));
        Assert.Equal(2, credential.ActiveVersion);
        Assert.Throws<InvalidOperationException>(() => credential.RollBack(T0));
        Assert.Throws<InvalidOperationException>(() => credential.Retire(T0));
    }

    [Fact]
    public void Discarding_destroys_the_pending_value_and_leaves_the_active_one()
    {
        var credential = InGrace();
        credential.Retire(T0);
        Add(credential);
        credential.Discard(T0.AddDays(2));
        AssertDestroyed(credential.Versions[2], VersionState.Discarded, T0.AddDays(2));
        Assert.Equal(2, credential.ActiveVersion);
        Assert.Equal(4, credential.NextVersionNumber);
        Assert.Throws<InvalidOperationException>(() => credential.Discard(T0));
        Assert.Throws<InvalidOperationException>(() => credential.Promote(T0));
    }

    [Fact]
    public void Archiving_destroys_every_value_and_keeps_the_history()
    {
        var credential = InGrace();
        Add(credential);
        credential.Archive(T0.AddDays(3));
        AssertDestroyed(credential.Versions[0], VersionState.Retired, T0.AddDays(3));
        AssertDestroyed(credential.Versions[1], VersionState.Retired, T0.AddDays(3));
        AssertDestroyed(credential.Versions[2], VersionState.Discarded, T0.AddDays(3));
        Assert.Equal((null, T0.AddDays(3)), (credential.ActiveVersion, credential.ArchivedAt));
        Assert.Null(VersionSelector.Pick(credential.Versions, T0));
    }

    [Fact]
    public void Every_move_makes_open_pages_stale()
    {
        var credential = Fresh();
        foreach (var move in new Action[] { () => Add(credential), () => credential.Promote(T0), () => Add(credential), () => credential.Promote(T0), () => credential.RollBack(T0), () => Add(credential), () => credential.Discard(T0), () => credential.Archive(T0) })
        {
            var before = credential.Revision;
            move();
            Assert.True(credential.Revision > before);
        }
    }

    [Fact]
    public void Changing_the_policy_replaces_scope_and_hosts_and_counts()
    {
        var credential = Fresh();
        var (a, b) = (Guid.CreateVersion7(T0), Guid.CreateVersion7(T0));
        credential.ChangePolicy([Member(a, ConsumerKind.Tool), Member(b, ConsumerKind.Agent)], ["a.test"], c => [(byte)c.PolicyVersion]);
        credential.ChangePolicy([Member(b, ConsumerKind.Agent)], ["b.test"], c => [(byte)c.PolicyVersion]);
        Assert.Equal((2, (byte)2), (credential.PolicyVersion, Assert.Single(credential.PolicyMac)));
        Assert.Equal([b], credential.Scope.Agents);
        Assert.Empty(credential.Scope.Tools);
        Assert.Equal(["b.test"], credential.AllowedHosts);
        credential.ChangePolicy([], [], _ => []);
        Assert.True(credential.Scope.IsEmpty);
    }

    [Fact]
    public void No_version_is_picked_when_rows_contradict_each_other()
    {
        var credential = InGrace();
        credential.Retiring!.State = VersionState.Active;
        Assert.Null(VersionSelector.Pick(credential.Versions, T0));

        credential = InGrace();
        credential.Retire(T0);
        credential.Versions[0].State = VersionState.Active;
        credential.Versions[1].State = VersionState.Retired;
        Assert.Null(VersionSelector.Pick(credential.Versions, T0));
    }

    [Theory]
    [InlineData(true, true, -1.0, true, "archived")]
    [InlineData(false, false, -1.0, true, "unavailable")]
    [InlineData(false, true, -1.0, true, "expired")]
    [InlineData(false, true, 0.0, true, "expired")]
    [InlineData(false, true, 0.001, true, "expiring")]
    [InlineData(false, true, 30.0, true, "expiring")]
    [InlineData(false, true, 30.001, true, "rotating")]
    [InlineData(false, true, null, true, "rotating")]
    [InlineData(false, true, 30.001, false, "active")]
    [InlineData(false, true, null, false, "active")]
    public void The_status_says_what_matters_most(bool archived, bool active, double? days, bool rotating, string word) =>
        Assert.Equal(word, CredentialStatusPolicy.Of(archived, active, days is { } d ? T0.AddDays(d) : null, rotating, T0).Word());

    [Fact]
    public void The_status_of_a_credential_follows_its_versions()
    {
        var credential = Fresh();
        Assert.Equal(CredentialStatus.Unavailable, CredentialStatusPolicy.Of(credential, T0));
        Add(credential);
        credential.Promote(T0);
        Assert.Equal(CredentialStatus.Active, CredentialStatusPolicy.Of(credential, T0));
        Add(credential);
        Assert.Equal(CredentialStatus.Rotating, CredentialStatusPolicy.Of(credential, T0));
        credential.Promote(T0);
        Assert.Equal(CredentialStatus.Rotating, CredentialStatusPolicy.Of(credential, T0));
        credential.Retire(T0);
        credential.Expire(T0.AddDays(40));
        Assert.Equal(CredentialStatus.Active, CredentialStatusPolicy.Of(credential, T0));
        credential.Archive(T0);
        Assert.Equal(CredentialStatus.Archived, CredentialStatusPolicy.Of(credential, T0));
    }

    internal static Credential Fresh() => Credential.Register(Guid.CreateVersion7(T0), Guid.CreateVersion7(T0), "openai_prod", CredentialType.ApiKey, T0);

    internal static CredentialVersion Add(Credential credential) => credential.AddVersion(
        Guid.CreateVersion7(T0), new SealedValue([1], new Dictionary<string, byte[]> { [Credential.MainField] = [2] }), "f", "someone", T0);

    internal static Credential InGrace()
    {
        var credential = Fresh();
        Add(credential);
        credential.Promote(T0);
        Add(credential);
        credential.Promote(T0.AddHours(1));
        return credential;
    }

    private static ScopeMember Member(Guid id, ConsumerKind kind) => new() { ConsumerId = id, Kind = kind };

    private static void AssertDestroyed(CredentialVersion version, VersionState state, DateTimeOffset at)
    {
        Assert.Equal((state, at), (version.State, version.RetiredAt));
        Assert.Null(version.WrappedKey);
        Assert.Null(version.Value);
        Assert.Empty(version.Fields);
    }
}
