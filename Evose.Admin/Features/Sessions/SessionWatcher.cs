using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Credentials.Cookies;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Features.Sessions;

/// <summary>Reads from a site's answer what it says about the session that the call was sent with: new cookies, or that nobody is signed in. A call without a session costs one look at its type.</summary>
public sealed class SessionWatcher(SecretVault vault, RollSession roll, TimeProvider clock) : IAnswerWatcher
{
    public ValueTask AnsweredAsync(IReadOnlyList<ChosenVersion> versions, Uri target, HttpResponseMessage answer, CancellationToken ct)
    {
        for (var i = 0; i < versions.Count; i++)
            if (versions[i].Rules.Type == CredentialType.Cookie) return WatchAsync(versions, target, answer);
        return default;
    }

    // Not cancellable: a caller that has left must not take the session's next cookies along.
    private async ValueTask WatchAsync(IReadOnlyList<ChosenVersion> versions, Uri target, HttpResponseMessage answer)
    {
        var now = clock.GetUtcNow();
        var set = CookiesOf(answer, target, now);
        // What a cookie belongs to when a call carries several sessions: the one that knows it, or the first.
        var first = true;
        foreach (var v in versions)
        {
            if (v.Rules is not { Type: CredentialType.Cookie } rules) continue;
            // A value that is being checked is not in use yet: what the check shows is for the person who asked.
            var inUse = rules.Active?.Number == v.Version;
            var seen = new RollSession.Seen(v.CredentialId, v.Name, v.Version, inUse ? rules.Active!.Origin : v.Version, target.IdnHost);
            var loggedOut = rules.NeedsSignIn || !inUse ? null : rules.Session.LoggedOut((int)answer.StatusCode, target, answer.Headers.Location);
            var news = set.Count == 0 ? [] : NewsOf(v, set, versions, first, now);
            first = false;
            if (news.Count > 0 || loggedOut is not null) await roll.ExecuteAsync(seen, news, loggedOut);
            if (loggedOut is null && inUse && rules is { NeedsSignIn: false, Session.Marker: { } marker } && IsReadable(answer))
            {
                answer.Content = new WatchedContent(answer.Content, marker, () => roll.ExecuteAsync(seen, [], "an answer held the text that says so"));
            }
        }
    }

    private IReadOnlyList<SetCookie> NewsOf(in ChosenVersion v, IReadOnlyList<SetCookie> set, IReadOnlyList<ChosenVersion> all, bool first, DateTimeOffset now)
    {
        using var jar = Open(v);
        if (all.Count(o => o.Rules.Type == CredentialType.Cookie) > 1)
        {
            var mine = new List<SetCookie>();
            foreach (var cookie in set)
                if (CookieNews.Knows(jar.Bytes, cookie) || (first && !OthersKnow(v, cookie, all))) mine.Add(cookie);
            set = mine;
        }
        return CookieNews.Of(jar.Bytes, set, now);
    }

    private bool OthersKnow(ChosenVersion v, SetCookie cookie, IReadOnlyList<ChosenVersion> all)
    {
        foreach (var other in all)
        {
            if (other.Rules.Type != CredentialType.Cookie || other.CredentialId == v.CredentialId) continue;
            using var jar = Open(other);
            if (CookieNews.Knows(jar.Bytes, cookie)) return true;
        }
        return false;
    }

    private Plaintext Open(in ChosenVersion v) => vault.Open(new SecretAddress(v.WorkspaceId, v.CredentialId, v.Version), v.Value, Credential.MainField);

    private static IReadOnlyList<SetCookie> CookiesOf(HttpResponseMessage answer, Uri target, DateTimeOffset now)
    {
        if (!answer.Headers.NonValidated.TryGetValues("Set-Cookie", out var headers)) return [];
        var from = new CookieTarget(target);
        var set = new List<SetCookie>();
        foreach (var header in headers)
            if (SetCookie.Read(header, from, now) is { } cookie) set.Add(cookie);
        return set;
    }

    // A connection that was taken over is no answer with a body, and compressed bytes hold no text.
    private static bool IsReadable(HttpResponseMessage answer) =>
        answer.StatusCode != System.Net.HttpStatusCode.SwitchingProtocols && !answer.Content.Headers.NonValidated.Contains("Content-Encoding");
}
