using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Notifications;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Vault;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Channels;

/// <summary>How one attempt went.</summary>
/// <param name="Status">The HTTP status; null when there was no answer.</param>
/// <param name="Answer">The beginning of the answer, or what went wrong. Never a part of the channel's address or secret.</param>
public sealed record SendResult(SendVerdict Verdict, int? Status, string Answer);

/// <summary>
/// Sends one message through one channel, once. Address and secret are opened for this and zeroed after it; the request passes the outbound guard, a redirect is not followed, and of the answer a line is kept.
/// </summary>
public sealed class ChannelSender(ChannelSeals seals, OutboundClient outbound, MailSender mail, IOptions<NotificationOptions> options, TimeProvider clock)
{
    private const int MostRead = 4096;

    /// <param name="recipients">Of an e-mail.</param>
    public async Task<SendResult> SendAsync(NotificationChannel channel, ChannelMessage message, IReadOnlyList<string> recipients, CancellationToken ct)
    {
        using var timeout = new CancellationTokenSource(options.Value.SendTimeout, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, ct);
        try
        {
            return channel.Kind == ChannelKind.Email ? await mail.SendAsync(message, recipients, either.Token) : await PostAsync(channel, message, either.Token);
        }
        catch (IntegrityException)
        {
            return new SendResult(SendVerdict.Gone, null, "The channel's address was changed outside the app, so nothing is sent there.");
        }
        catch (EgressRefusedException e)
        {
            return new SendResult(SendVerdict.Refused, null, e.Problem.Message);
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException)
        {
            ct.ThrowIfCancellationRequested();
            return Failed(e);
        }
    }

    private static SendResult Failed(Exception e)
    {
        // A refusal by the guard while connecting comes wrapped.
        for (var inner = e.InnerException; inner is not null; inner = inner.InnerException)
            if (inner is EgressRefusedException refused) return new SendResult(SendVerdict.Refused, null, refused.Problem.Message);
        return new SendResult(SendVerdict.Retry, null, OutboundFailures.Reason(e) switch
        {
            "dns" => "The host could not be found.",
            "refused" => "The host did not accept a connection.",
            "tls" => "No secure connection could be made. Check the receiver's certificate.",
            "timeout" => "The receiver did not answer in time.",
            "reset" => "The receiver closed the connection before its answer was complete.",
            _ => "The receiver's answer was not valid HTTP.",
        });
    }

    private async Task<SendResult> PostAsync(NotificationChannel channel, ChannelMessage message, CancellationToken ct)
    {
        using var url = seals.OpenUrl(channel);
        using var secret = seals.OpenSecret(channel);
        using var request = Request(channel, message, url, secret, clock.GetUtcNow());
        using var answer = await outbound.For(channel.WorkspaceId ?? Guid.Empty).SendAsync(request, ct);
        var (length, bytes) = await ReadAsync(answer.Content, ct);
        return Judge(channel.Kind, (int)answer.StatusCode, bytes.AsSpan(0, length), url, secret);
    }

    private static HttpRequestMessage Request(NotificationChannel channel, ChannelMessage message, Plaintext url, Plaintext? secret, DateTimeOffset now)
    {
        var target = Encoding.UTF8.GetString(url.Bytes);
        var headers = new List<(string, string)> { ("User-Agent", "evose-admin") };
        byte[] body;
        switch (channel.Kind)
        {
            case ChannelKind.Webhook:
                body = message.Webhook(now, channel.StandardHeaders);
                headers.Add(("X-Evose-Event", message.Notices[0].Event));
                headers.Add(("X-Evose-Delivery-Id", message.Id.ToString()));
                if (secret is null) break;
                headers.Add(("X-Evose-Signature", ChannelSignatures.Evose(secret.Bytes, body)));
                if (!channel.StandardHeaders) break;
                var id = "msg_" + message.Id.ToString("N");
                headers.Add(("webhook-id", id));
                headers.Add(("webhook-timestamp", now.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture)));
                headers.Add(("webhook-signature", ChannelSignatures.Standard(secret.Bytes, id, now.ToUnixTimeSeconds(), body)));
                break;
            case ChannelKind.Feishu:
                body = message.Feishu(now.ToUnixTimeSeconds(), secret is null ? null : ChannelSignatures.Feishu(secret.Bytes, now.ToUnixTimeSeconds()));
                break;
            case ChannelKind.DingTalk:
                body = message.DingTalk();
                if (secret is not null)
                {
                    var time = now.ToUnixTimeMilliseconds();
                    target += string.Create(CultureInfo.InvariantCulture, $"{(target.Contains('?', StringComparison.Ordinal) ? '&' : '?')}timestamp={time}&sign={Uri.EscapeDataString(ChannelSignatures.DingTalk(secret.Bytes, time))}");
                }
                break;
            default:
                body = message.Slack();
                break;
        }
        var request = new HttpRequestMessage(HttpMethod.Post, new Uri(target))
        {
            Version = HttpVersion.Version11,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") { CharSet = "utf-8" } } },
        };
        foreach (var (name, value) in headers) request.Headers.Add(name, value);
        return request;
    }

    private static async Task<(int Length, byte[] Bytes)> ReadAsync(HttpContent content, CancellationToken ct)
    {
        var bytes = new byte[MostRead];
        await using var stream = await content.ReadAsStreamAsync(ct);
        return (await stream.ReadAtLeastAsync(bytes, bytes.Length, throwOnEndOfStream: false, ct), bytes);
    }

    internal static SendResult Judge(ChannelKind kind, int status, ReadOnlySpan<byte> body, Plaintext url, Plaintext? secret)
    {
        var said = SafeLine(body, url, secret);
        return status switch
        {
            >= 200 and < 300 => Accepted(kind, status, body, said),
            >= 300 and < 400 => new SendResult(SendVerdict.Refused, status, "The receiver redirects, and redirects are not followed. Enter the address it has moved to."),
            410 => new SendResult(SendVerdict.Gone, status, said),
            408 or 425 or 429 or >= 500 => new SendResult(SendVerdict.Retry, status, said),
            _ => new SendResult(SendVerdict.Refused, status, said),
        };
    }

    // Chat services say with 200 that they did not take it.
    private static SendResult Accepted(ChannelKind kind, int status, ReadOnlySpan<byte> body, string said)
    {
        var code = kind switch
        {
            ChannelKind.Feishu => Number(body, "code") ?? Number(body, "StatusCode"),
            ChannelKind.DingTalk => Number(body, "errcode"),
            _ => 0,
        };
        // No code at all is not their answer: somebody else stands in between.
        return code switch
        {
            0 => new SendResult(SendVerdict.Delivered, status, said),
            null or -1 or 9499 or 11232 or 130101 or 410100 => new SendResult(SendVerdict.Retry, status, said),
            _ => new SendResult(SendVerdict.Refused, status, said),
        };
    }

    private static long? Number(ReadOnlySpan<byte> body, string name)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            using var document = JsonDocument.ParseValue(ref reader);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty(name, out var member) && member.ValueKind == JsonValueKind.Number && member.TryGetInt64(out var number) ? number : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The beginning of an answer as one line, or a sentence in its place when it repeats what must not be kept, in whatever form.</summary>
    internal static string SafeLine(ReadOnlySpan<byte> body, Plaintext url, Plaintext? secret)
    {
        const string Kept = "(The answer repeated a part of the channel's address or secret, so it is not kept.)";
        var parts = Parts(url);
        try
        {
            using var patterns = EchoPatterns.Of(secret is null ? parts : parts.Append(secret));
            for (var i = 0; i < (patterns?.Count ?? 0); i++)
                if (body.IndexOf(patterns![i]) >= 0) return Kept;
        }
        finally
        {
            foreach (var part in parts) part.Dispose();
        }
        var text = new StringBuilder(Delivery.MaxAnswer);
        foreach (var c in Encoding.UTF8.GetString(body))
        {
            var blank = char.IsControl(c) || char.IsWhiteSpace(c) || char.IsSurrogate(c) || c is '\u202a' or '\u202b' or '\u202c' or '\u202d' or '\u202e' or '\u2066' or '\u2067' or '\u2068' or '\u2069' or '\ufffd';
            if (!blank) text.Append(c);
            else if (text.Length > 0 && text[^1] != ' ') text.Append(' ');
            if (text.Length == Delivery.MaxAnswer) break;
        }
        var line = text.ToString().Trim();
        return PlaintextDetector.Find(line) is null ? line : Kept;
    }

    // Path segments and query values are where addresses of bots carry their keys.
    private static List<Plaintext> Parts(Plaintext url)
    {
        var parts = new List<Plaintext>();
        var rest = url.Bytes;
        var from = rest.IndexOf("://"u8);
        rest = from < 0 ? rest : rest[(from + 3)..];
        var path = rest.IndexOfAny((byte)'/', (byte)'?');
        rest = path < 0 ? [] : rest[path..];
        while (!rest.IsEmpty)
        {
            var end = rest.IndexOfAny("/?&="u8);
            var part = end < 0 ? rest : rest[..end];
            if (part.Length >= EchoPatterns.MinLength) parts.Add(Plaintext.CopyOf(part));
            rest = end < 0 ? [] : rest[(end + 1)..];
        }
        return parts;
    }
}
