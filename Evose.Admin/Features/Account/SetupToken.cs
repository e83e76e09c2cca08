using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.UI;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Features.Account;

/// <summary>Proves that whoever sets the organization up can read this process's console. Good until the first admin exists; lost and made anew with every start.</summary>
public sealed class SetupToken(IDbContextFactory<AdminDb> dbs, SecretVault vault, IServer server)
{
    private readonly string _text = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(16));
    private volatile bool _hasUsers;

    /// <summary>The set-up has just been done, and the recovery key is still to be confirmed by whoever holds the token.</summary>
    public bool AwaitsConfirmation { get; private set; }

    internal string Text => _text;

    public bool Matches(string? given) => given is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(given), Encoding.UTF8.GetBytes(_text));

    /// <summary>False while nobody can sign in because nobody exists.</summary>
    public async ValueTask<bool> HasUsersAsync(CancellationToken ct)
    {
        if (_hasUsers) return true;
        await using var db = await dbs.CreateDbContextAsync(ct);
        return _hasUsers = await db.Users.AnyAsync(ct);
    }

    internal void SetUp() => (_hasUsers, AwaitsConfirmation) = (true, true);

    internal void Confirmed() => AwaitsConfirmation = false;

    /// <summary>Tells the operator where to go, on the console itself: a log may be kept and shipped, this must not be.</summary>
    public async Task AnnounceAsync(TextWriter console)
    {
        if (vault.IsSealed || await HasUsersAsync(CancellationToken.None)) return;
        var address = server.Features.Get<IServerAddressesFeature>()?.Addresses.FirstOrDefault() ?? "http://localhost:5080";
        foreach (var any in (string[])["0.0.0.0", "[::]", "127.0.0.1", "*", "+"]) address = address.Replace(any, "localhost", StringComparison.Ordinal);
        var line = new string('─', 78);
        await console.WriteLineAsync($"\n{line}\n  Evose Admin is not set up yet. Open this address once, in your browser:\n\n    {address}{Urls.Setup}?token={_text}\n{line}\n");
    }
}
