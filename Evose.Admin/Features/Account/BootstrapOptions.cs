namespace Evose.Admin.Features.Account;

/// <summary>What the first start is given, so that nobody needs to click.</summary>
public sealed class BootstrapOptions
{
    public const string Section = "Bootstrap";

    /// <summary>E-mail of the first organization admin; empty: the first visit is the set-up page.</summary>
    public string? AdminEmail { get; set; }

    public string? AdminPassword { get; set; }

    /// <summary>An <c>evk_…</c> key with scope <c>*</c> for automation.</summary>
    public string? ApiKey { get; set; }

    /// <summary>Makes the demo workspace.</summary>
    public bool DemoData { get; set; }
}
