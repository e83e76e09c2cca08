using System.Net.Sockets;
using System.Security.Authentication;
using Evose.Admin.Domain.Notifications;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Options;
using MimeKit;

namespace Evose.Admin.Features.Channels;

/// <summary>Sends a message as e-mail through the server of the settings. The password goes over TLS only, or to this machine itself.</summary>
public sealed class MailSender(IOptions<SmtpOptions> options, TimeProvider clock)
{
    public bool IsSet => options.Value.IsSet;

    public async Task<SendResult> SendAsync(ChannelMessage message, IReadOnlyList<string> recipients, CancellationToken ct)
    {
        var settings = options.Value;
        if (!settings.IsSet) return new SendResult(SendVerdict.Retry, null, "There is no mail server: set Smtp:Host and Smtp:From.");
        if (recipients.Count == 0) return new SendResult(SendVerdict.Refused, null, "There is nobody to send it to: the channel names no address, and nobody answers for it.");
        using var mail = Compose(settings, message, recipients);
        try
        {
            // No log of the protocol: it would hold the password.
            using var client = new SmtpClient { CheckCertificateRevocation = false };
            await client.ConnectAsync(settings.Host!, settings.Port, settings.Port == 465 ? SecureSocketOptions.SslOnConnect : SecureSocketOptions.StartTlsWhenAvailable, ct);
            if (!string.IsNullOrEmpty(settings.UserName))
            {
                if (!client.IsSecure && !IsHere(settings.Host!)) return new SendResult(SendVerdict.Retry, null, "The mail server offers no TLS, so the password is not sent to it.");
                await client.AuthenticateAsync(settings.UserName, settings.Password!, ct);
            }
            await client.SendAsync(mail, ct);
            await client.DisconnectAsync(true, ct);
            return new SendResult(SendVerdict.Delivered, null, $"The mail server took it for {recipients.Count} {(recipients.Count == 1 ? "address" : "addresses")}.");
        }
        catch (SmtpCommandException e)
        {
            // The code and no more: a server's text may repeat addresses or what was sent.
            var code = (int)e.StatusCode;
            return new SendResult(code is >= 400 and < 500 || e.ErrorCode == SmtpErrorCode.UnexpectedStatusCode ? SendVerdict.Retry : SendVerdict.Refused, code, $"The mail server answered {code} to {Called(e.ErrorCode)}.");
        }
        catch (MailKit.Security.AuthenticationException)
        {
            return new SendResult(SendVerdict.Retry, null, "The mail server does not accept the user name and password of the settings.");
        }
        catch (Exception e) when (e is SslHandshakeException or System.Security.Authentication.AuthenticationException)
        {
            return new SendResult(SendVerdict.Retry, null, "No secure connection to the mail server could be made. Check its certificate.");
        }
        catch (Exception e) when (e is ProtocolException or IOException or SocketException or ServiceNotConnectedException or ServiceNotAuthenticatedException or NotSupportedException)
        {
            return new SendResult(SendVerdict.Retry, null, "The mail server could not be reached, or broke off.");
        }
    }

    private MimeMessage Compose(SmtpOptions settings, ChannelMessage message, IReadOnlyList<string> recipients)
    {
        var from = MailboxAddress.Parse(settings.From!);
        var mail = new MimeMessage
        {
            // The same in every attempt: what came twice is seen to be one.
            MessageId = $"{message.Id:N}@{from.Domain}",
            Subject = message.Title,
            Date = clock.GetUtcNow(),
            Body = new TextPart("plain") { Text = message.Text + "\n" },
        };
        mail.From.Add(from);
        foreach (var address in recipients) mail.To.Add(MailboxAddress.Parse(address));
        mail.Headers.Add("Auto-Submitted", "auto-generated");
        mail.Headers.Add("Content-Language", message.Language == NotificationTexts.Chinese ? "zh-CN" : "en");
        return mail;
    }

    private static string Called(SmtpErrorCode code) => code switch
    {
        SmtpErrorCode.RecipientNotAccepted => "a recipient",
        SmtpErrorCode.SenderNotAccepted => "the sender",
        _ => "the message",
    };

    private static bool IsHere(string host) => host is "localhost" or "127.0.0.1" or "::1";
}
