using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;

namespace Evose.Admin.Tests.Domain.Credentials;

public sealed class ScopePolicyTests
{
    private static readonly Guid Credential = Guid.CreateVersion7();

    [Theory]
    [InlineData("t1 t2", "t1", "t2")]
    [InlineData("t1", "t1", "")]
    [InlineData("t1 a1", "t1", "")]
    [InlineData("t1 a1", "a1", "")]
    [InlineData("t1 t2 a1", "t1", "t2 a1")]
    [InlineData("t1 a1 w1", "a1", "t1 w1")]
    [InlineData("t1 w1", "w1", "")]
    [InlineData("a1 w1", "a1", "w1")]
    [InlineData("t1 a1", "t9", "t1 a1")]
    public void Taking_a_consumer_out_leaves_the_others_only_when_somebody_still_meets_the_scope(string scope, string gone, string left) =>
        Assert.Equal(left, string.Join(' ', ScopePolicy.Without([.. scope.Split(' ').Select(Member)], IdOf(gone)).Select(m => $"{char.ToLowerInvariant(m.Kind.ToString()[0])}{m.ConsumerId.ToByteArray(true)[15]}")));

    [Theory]
    [InlineData("", false)]
    [InlineData("t1", true)]
    [InlineData("t2", false)]
    [InlineData("a1", true)]
    [InlineData("t2 a1", false)]
    public void A_scope_covers_a_tool_that_it_names_or_leaves_open(string scope, bool covers) =>
        Assert.Equal(covers, ScopePolicy.Covers(Scope.Of([.. scope.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Member)]), IdOf("t1")));

    private static ScopeMember Member(string text) => new()
    {
        CredentialId = Credential,
        ConsumerId = IdOf(text),
        Kind = text[0] switch { 't' => ConsumerKind.Tool, 'a' => ConsumerKind.Agent, _ => ConsumerKind.Workflow },
    };

    private static Guid IdOf(string text)
    {
        var bytes = new byte[16];
        (bytes[0], bytes[15]) = ((byte)text[0], (byte)(text[1] - '0'));
        return new Guid(bytes, true);
    }
}
