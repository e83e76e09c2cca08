namespace Evose.Admin.Domain.Credentials;

/// <summary>The words for what a check showed, on the wire and on the screen.</summary>
public static class VerifyWords
{
    public static string Word(this VerifyResult result) => result switch
    {
        VerifyResult.Alive => "alive",
        VerifyResult.Dead => "dead",
        VerifyResult.LacksPermission => "lacks_permission",
        VerifyResult.Unclear => "unclear",
    };

    public static string Called(this VerifyResult result) => result switch
    {
        VerifyResult.Alive => "accepted",
        VerifyResult.Dead => "not accepted",
        VerifyResult.LacksPermission => "alive, not allowed",
        VerifyResult.Unclear => "unclear",
    };
}
