using Microsoft.Extensions.Options;
using MimeKit;

namespace Evose.Admin.Features.Channels;

/// <summary>The mail server. Without a host there is no e-mail.</summary>
public sealed class SmtpOptions
{
    public const string Section = "Smtp";

    public string? Host { get; set; }

    public int Port { get; set; } = 587;

    public string? UserName { get; set; }

    public string? Password { get; set; }

    /// <summary>Such as <c>Evose Admin &lt;evose@example.com&gt;</c>.</summary>
    public string? From { get; set; }

    public bool IsSet => !string.IsNullOrWhiteSpace(Host) && !string.IsNullOrWhiteSpace(From);
}

/// <summary>Refuses a start with half a mail server.</summary>
internal sealed class SmtpOptionsValidator : IValidateOptions<SmtpOptions>
{
    public ValidateOptionsResult Validate(string? name, SmtpOptions options)
    {
        if (string.IsNullOrWhiteSpace(options.Host)) return ValidateOptionsResult.Success;
        if (options.Port is < 1 or > 65535) return ValidateOptionsResult.Fail("Smtp:Port must be 1 to 65535, such as 587.");
        if (!MailboxAddress.TryParse(options.From ?? "", out var from) || !from.Address.Contains('@', StringComparison.Ordinal)) return ValidateOptionsResult.Fail("Smtp:From must be an e-mail address, such as \"Evose Admin <evose@example.com>\".");
        return string.IsNullOrEmpty(options.UserName) == string.IsNullOrEmpty(options.Password) ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail("Smtp:UserName and Smtp:Password are given together or not at all.");
    }
}
