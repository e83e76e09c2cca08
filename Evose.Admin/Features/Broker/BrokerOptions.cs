namespace Evose.Admin.Features.Broker;

/// <summary>Limits of brokered calls.</summary>
public sealed class BrokerOptions
{
    public const string Section = "Broker";

    /// <summary>How long an upstream may be silent before the call fails. Models think for minutes.</summary>
    public TimeSpan ActivityTimeout { get; set; } = TimeSpan.FromMinutes(10);

    /// <summary>The largest body a pass-through call may send.</summary>
    public long MaxRequestBytes { get; set; } = 100L * 1024 * 1024;

    /// <summary>The largest body that is read whole, because a credential signs it or puts a field into it.</summary>
    public int MaxReadBodyBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>The largest answer that <c>invoke</c> returns; use the broker address for more.</summary>
    public int MaxInvokeAnswerBytes { get; set; } = 8 * 1024 * 1024;
}
