using System.Text;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.Templates;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Vault;
using Microsoft.EntityFrameworkCore;
using MimeKit;

namespace Evose.Admin.Features.Channels;

/// <summary>Adds a channel or changes one. Address and secret come in as values and are sealed for this channel; what is not given anew is kept.</summary>
public sealed class SaveChannel(IDbContextFactory<AdminDb> dbs, ChannelGate gate, ChannelSeals seals, StagedValues staged, EgressGuard egress, MailSender mail, TimeProvider clock)
{
    public const int MinSecret = 8;
    public const int MinWebhookSecret = 16;
    public const int MaxSecret = 200;
    public const int MaxUrl = 2048;

    /// <param name="Id">Null adds one.</param>
    /// <param name="Workspace">Slug; null or <c>org</c> is the organization. Only when one is added.</param>
    /// <param name="Kind">Only when one is added.</param>
    /// <param name="Name">As all that follow: null is the usual one when a channel is added, and what is there when one is changed.</param>
    /// <param name="Events">Wire names of kinds; empty: all.</param>
    /// <param name="Url">The caller disposes it; null keeps.</param>
    /// <param name="StagedUrl">The same, by its id in the intake.</param>
    /// <param name="Revision">The one that the form showed.</param>
    public sealed record Input(Guid? Id, string? Workspace, string? Kind, string? Name, IReadOnlyList<string>? Events = null, string? MinSeverity = null, string? Language = null, IReadOnlyList<string>? Recipients = null,
        bool? StandardHeaders = null, bool? IncludesWorkspaces = null, Plaintext? Url = null, Plaintext? Secret = null, Guid? StagedUrl = null, Guid? StagedSecret = null, int? Revision = null);

    public sealed record Saved(Guid Id, int Revision);

    public async Task<Outcome<Saved>> ExecuteAsync(Actor actor, Input input, CancellationToken ct)
    {
        var placed = input.Id is { } known ? await gate.OfAsync(actor, known, Permission.ManageNotifications, ct) : await gate.PlaceAsync(actor, input.Workspace, Permission.ManageNotifications, ct);
        if (placed.Failed(out var refused, out var workspace)) return refused;
        if (ReadCommon(input).Failed(out var bad, out var common)) return bad;

        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var now = clock.GetUtcNow();
        NotificationChannel? channel;
        if (input.Id is { } id)
        {
            channel = await db.NotificationChannels.SingleOrDefaultAsync(c => c.Id == id, ct);
            if (channel is null) return Problem.NotFound("channel");
            if (input.Revision is { } shown && shown != channel.Revision) return Problem.Conflict("Somebody else changed this channel meanwhile. Reload the page and try again.", "stale");
        }
        else
        {
            if (ParseKind(input.Kind) is not { } kind) return Problem.Invalid("kind", "The kind is one of: email, webhook, feishu, dingtalk, slack.");
            if (kind == ChannelKind.Email && !mail.IsSet) return Problem.Conflict("There is no mail server yet. An operator sets Smtp:Host and Smtp:From.", "no_mail_server");
            channel = new NotificationChannel { Id = Guid.CreateVersion7(now), WorkspaceId = ChannelGate.IdOf(workspace), Kind = kind, CreatedAt = now, CreatedBy = actor.Name };
        }

        using var staging = new Staging();
        if (await staging.TakeAsync(db, staged, actor, input, ct) is { } missing) return missing;
        if (ApplyValues(channel, staging.Url ?? input.Url, staging.Secret ?? input.Secret, input.StandardHeaders ?? channel.StandardHeaders, isNew: input.Id is null) is { } unusable) return unusable;
        if (channel.Kind == ChannelKind.Email) channel.Recipients = common.Recipients ?? channel.Recipients;
        else if (common.Recipients is { Count: > 0 }) return Problem.Invalid("recipients", "Only e-mail has recipients; the others go where the address leads.");
        (channel.Kinds, channel.MinSeverity, channel.Language) = (common.Kinds ?? channel.Kinds, common.Severity ?? channel.MinSeverity, common.Language ?? channel.Language);
        channel.IncludesWorkspaces = (input.IncludesWorkspaces ?? channel.IncludesWorkspaces) && channel.WorkspaceId is null;
        channel.Name = common.Name ?? (channel.Name.Length > 0 ? channel.Name : Called(channel.Kind) + (channel.Host is null ? "" : $" ({channel.Host})"));
        if (channel.Name.Length > NotificationChannel.MaxName) channel.Name = channel.Name[..NotificationChannel.MaxName];
        channel.Revision++;
        if (input.Id is null) db.NotificationChannels.Add(channel);
        AuditTrail.Append(db, now, actor, input.Id is null ? AuditAction.ChannelAdded : AuditAction.ChannelChanged, new AuditSubject(channel.WorkspaceId, channel.Name, channel.Id), Describe(channel, staging, input));
        await write.CommitAsync(ct);
        return new Saved(channel.Id, channel.Revision);
    }

    // What was not given is null.
    private sealed record Common(string? Name, IReadOnlyList<NotificationKind>? Kinds, NotificationSeverity? Severity, string? Language, IReadOnlyList<string>? Recipients);

    private static Outcome<Common> ReadCommon(Input input)
    {
        var name = string.IsNullOrWhiteSpace(input.Name) ? null : input.Name.Trim();
        if (FreeText.Refuse(name, NotificationChannel.MaxName) is { } why) return Problem.Invalid("name", why);
        if (name is not null && PlaintextDetector.Find(name) is { } found) return Problem.Invalid("name", found.Sentence);
        var kinds = new List<NotificationKind>();
        foreach (var word in input.Events ?? [])
        {
            if (EventNames.KindOf(word) is not { } kind) return Problem.Invalid("events", $"An event is one of: {string.Join(", ", Enum.GetValues<NotificationKind>().Select(EventNames.Kind))}.");
            if (!kinds.Contains(kind)) kinds.Add(kind);
        }
        NotificationSeverity? severity = input.MinSeverity switch { "info" => NotificationSeverity.Info, "warning" => NotificationSeverity.Warning, "critical" => NotificationSeverity.Critical, _ => null };
        if (severity is null && !string.IsNullOrEmpty(input.MinSeverity)) return Problem.Invalid("min_severity", "The severity is one of: info, warning, critical.");
        var language = string.IsNullOrEmpty(input.Language) ? null : input.Language;
        if (language is not null && !NotificationTexts.Languages.Contains(language)) return Problem.Invalid("language", "The language is one of: en, zh.");
        var recipients = new List<string>();
        foreach (var text in input.Recipients ?? [])
        {
            var address = text?.Trim() ?? "";
            if (address.Length == 0) continue;
            if (FreeText.Refuse(address, 254) is not null || !MailboxAddress.TryParse(address, out var mailbox) || mailbox.Address != address || !address.Contains('@', StringComparison.Ordinal))
                return Problem.Invalid("recipients", "A recipient is a plain e-mail address, such as ops@example.com.");
            if (!recipients.Contains(address, StringComparer.OrdinalIgnoreCase)) recipients.Add(address);
        }
        if (recipients.Count > NotificationChannel.MaxRecipients) return Problem.Invalid("recipients", $"At most {NotificationChannel.MaxRecipients} recipients: use a mailing list.");
        return new Common(name, input.Events is null ? null : kinds, severity, language, input.Recipients is null ? null : recipients);
    }

    private Problem? ApplyValues(NotificationChannel channel, Plaintext? url, Plaintext? secret, bool standard, bool isNew)
    {
        if (channel.Kind == ChannelKind.Email)
            return url is null && secret is null ? null : Problem.Invalid("url", "E-mail goes through the mail server of the settings: it has no address and no secret of its own.");
        if (url is null && isNew) return Problem.Invalid("url", "Give the address to send to.");
        if (url is not null)
        {
            if (ReadUrl(url).Failed(out var bad, out var target)) return bad;
            channel.Host = target.IdnHost;
            seals.SealUrl(channel, url);
        }
        if (secret is not null)
        {
            if (channel.Kind == ChannelKind.Slack) return Problem.Invalid("secret", "A Slack webhook has no secret: its address is all there is.");
            var least = channel.Kind == ChannelKind.Webhook ? MinWebhookSecret : MinSecret;
            if (secret.Length < least || secret.Length > MaxSecret) return Problem.Invalid("secret", $"The secret has {least} to {MaxSecret} characters.");
            if (secret.Bytes.IndexOfAnyExceptInRange((byte)0x21, (byte)0x7e) >= 0) return Problem.Invalid("secret", "The secret is one line of visible ASCII without blanks.");
            seals.SealSecret(channel, secret);
        }
        if (channel.Kind != ChannelKind.Webhook)
            return standard ? Problem.Invalid("standard_headers", "Only a webhook has the headers of Standard Webhooks.") : null;
        if (channel.SealedSecret is null) return Problem.Invalid("secret", "Give the secret that the receiver checks signatures with.");
        channel.StandardHeaders = standard;
        if (!standard) return null;
        using var kept = secret is null ? seals.OpenSecret(channel) : null;
        return ChannelSignatures.IsStandard((secret ?? kept!).Bytes) ? null : Problem.Invalid("secret", "With the headers of Standard Webhooks the secret is whsec_ and 24 to 64 bytes in base64.");
    }

    private Outcome<Uri> ReadUrl(Plaintext url)
    {
        // Nothing of what was given is quoted: addresses of bots are secrets.
        if (url.Length > MaxUrl || !Uri.TryCreate(Encoding.UTF8.GetString(url.Bytes), UriKind.Absolute, out var target)) return Problem.Invalid("url", "Give an absolute https address.");
        return egress.CheckTarget(target, target.Port) is { } refused ? Problem.Invalid("url", refused.Message) : target;
    }

    private static string Describe(NotificationChannel channel, Staging staging, Input input) => string.Join("; ", new[]
    {
        EventNames.Of(channel.Kind) + (channel.Host is null ? "" : $" to {channel.Host}"),
        staging.Url is not null || input.Url is not null ? "address entered" : null,
        staging.Secret is not null || input.Secret is not null ? "secret entered" : null,
        $"from {channel.MinSeverity.ToString().ToLowerInvariant()} on",
        channel.Kinds.Count == 0 ? "every kind" : string.Join(", ", channel.Kinds.Select(EventNames.Kind)),
        channel.Kind == ChannelKind.Email ? channel.Recipients.Count == 0 ? "to owners and admins" : $"to {string.Join(", ", channel.Recipients)}" : null,
    }.Where(t => t is not null));

    public static ChannelKind? ParseKind(string? word) => Enum.GetValues<ChannelKind>().Where(k => EventNames.Of(k) == word).Select(k => (ChannelKind?)k).FirstOrDefault();

    public static string Called(ChannelKind kind) => kind switch
    {
        ChannelKind.Email => "E-mail",
        ChannelKind.Webhook => "Webhook",
        ChannelKind.Feishu => "Feishu / Lark bot",
        ChannelKind.DingTalk => "DingTalk robot",
        ChannelKind.Slack => "Slack",
    };

    /// <summary>What a form sent to the intake. Disposing zeroes it.</summary>
    private sealed class Staging : IDisposable
    {
        public Plaintext? Url { get; private set; }

        public Plaintext? Secret { get; private set; }

        public async Task<Problem?> TakeAsync(AdminDb db, StagedValues staged, Actor actor, Input input, CancellationToken ct)
        {
            if (input.StagedUrl is { } url && (Url = await staged.TakeAsync(db, actor, url, ct)) is null) return Problem.Invalid("url", "The address is no longer there: it is kept for 15 minutes. Enter it again.");
            if (input.StagedSecret is { } secret && (Secret = await staged.TakeAsync(db, actor, secret, ct)) is null) return Problem.Invalid("secret", "The secret is no longer there: it is kept for 15 minutes. Enter it again.");
            return null;
        }

        public void Dispose()
        {
            Url?.Dispose();
            Secret?.Dispose();
        }
    }
}
