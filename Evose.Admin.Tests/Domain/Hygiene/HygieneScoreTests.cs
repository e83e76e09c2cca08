using Evose.Admin.Domain.Hygiene;

namespace Evose.Admin.Tests.Domain.Hygiene;

public sealed class HygieneScoreTests
{
    // Subjects, high, medium, low; lost, mean, score.
    [Theory]
    [InlineData(0, 0, 0, 0, 0, 100, 100)]
    [InlineData(10, 0, 0, 0, 0, 100, 100)]
    [InlineData(10, 0, 0, 1, 4, 99, 99)]
    [InlineData(10, 0, 0, 3, 12, 98, 98)]
    [InlineData(10, 0, 1, 0, 12, 98, 90)]
    [InlineData(10, 1, 0, 0, 30, 97, 70)]
    [InlineData(2, 1, 1, 1, 46, 77, 70)]
    [InlineData(1, 1, 1, 1, 46, 54, 54)]
    [InlineData(1, 4, 0, 0, 120, 0, 0)]
    [InlineData(1000, 0, 1, 0, 12, 99, 90)]
    // A finding of something that came after the count.
    [InlineData(0, 1, 0, 0, 30, 70, 70)]
    public void The_mean_of_what_is_left_capped_by_the_worst(int subjects, int high, int medium, int low, int lost, int mean, int value)
    {
        var score = HygieneScore.Of(subjects, new HygieneCounts(high, medium, low));
        Assert.Equal((lost, mean, value), (score.Lost, score.Mean, score.Value));
    }

    [Fact]
    public void The_arithmetic_can_be_recomputed_by_hand()
    {
        Assert.Equal(["14 credentials and tools × 100 points = 1,400 points", "2 × high × 30 points = −60", "3 × medium × 12 points = −36", "4 × low × 4 points = −16", "1,288 points left ÷ 14 = 92", "A finding of high severity is open, so at most 70"],
            HygieneScore.Of(14, new HygieneCounts(2, 3, 4)).Arithmetic());
        Assert.Equal(["1 credential or tool × 100 points = 100 points", "100 points left ÷ 1 = 100"], HygieneScore.Of(1, default).Arithmetic());
        Assert.Single(HygieneScore.Of(0, default).Arithmetic());
    }

    [Fact]
    public void More_or_graver_findings_never_raise_it()
    {
        for (var high = 0; high < 4; high++)
            for (var medium = 0; medium < 4; medium++)
                for (var low = 0; low < 4; low++)
                {
                    var score = HygieneScore.Of(5, new HygieneCounts(high, medium, low)).Value;
                    Assert.InRange(score, 0, 100);
                    Assert.True(HygieneScore.Of(5, new HygieneCounts(high + 1, medium, low)).Value <= score);
                    Assert.True(HygieneScore.Of(5, new HygieneCounts(high, medium + 1, low)).Value <= score);
                    Assert.True(HygieneScore.Of(5, new HygieneCounts(high, medium, low + 1)).Value <= score);
                    if (medium > 0) Assert.True(HygieneScore.Of(5, new HygieneCounts(high + 1, medium - 1, low)).Value <= score);
                }
    }
}
