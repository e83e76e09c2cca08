using Evose.Admin.Domain.Notifications;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Features.Channels;

/// <summary>Seals and opens a channel's address and secret, each bound to its channel: a row's bytes open in no other row.</summary>
public sealed class ChannelSeals(SecretVault vault)
{
    private const string UrlPurpose = "channel-url";
    private const string SecretPurpose = "channel-secret";

    public bool IsSealed => vault.IsSealed;

    public void SealUrl(NotificationChannel channel, Plaintext url) => channel.SealedUrl = vault.SealBlob(UrlPurpose, channel.Id.ToByteArray(true), url.Bytes);

    public void SealSecret(NotificationChannel channel, Plaintext? secret) => channel.SealedSecret = secret is null ? null : vault.SealBlob(SecretPurpose, channel.Id.ToByteArray(true), secret.Bytes);

    public Plaintext OpenUrl(NotificationChannel channel) => vault.OpenBlob(UrlPurpose, channel.Id.ToByteArray(true), channel.SealedUrl ?? throw new IntegrityException());

    public Plaintext? OpenSecret(NotificationChannel channel) => channel.SealedSecret is { } bytes ? vault.OpenBlob(SecretPurpose, channel.Id.ToByteArray(true), bytes) : null;
}
