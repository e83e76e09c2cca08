using System.Buffers;
using System.Buffers.Text;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Platform.Vault;

namespace Evose.Admin.Platform.OAuth;

/// <summary>The request to a token endpoint, built from bytes: secret, code and refresh token never become strings but for HTTP Basic, where the HTTP stack takes nothing else. Disposing zeroes the body.</summary>
internal sealed class TokenRequest : IDisposable
{
    private readonly Plaintext _body;

    private TokenRequest(HttpRequestMessage message, Plaintext body) => (Message, _body) = (message, body);

    public HttpRequestMessage Message { get; }

    public static TokenRequest Make(OAuthProvider provider, OAuthApp app, Plaintext? secret, IReadOnlyList<(string Name, Plaintext Value)> members)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, provider.TokenUrl) { Version = System.Net.HttpVersion.Version11 };
        message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/json"));
        // Some providers refuse requests without one.
        message.Headers.UserAgent.Add(new ProductInfoHeaderValue("Evose-Admin", "1"));
        using var id = Plaintext.CopyOf(Encoding.UTF8.GetBytes(app.ClientId));
        var all = members.ToList();
        if (provider.ClientAuth == OAuthClientAuth.Body || secret is null)
        {
            all.Add((provider.Names.ClientId, id));
            if (secret is not null) all.Add((provider.Names.ClientSecret, secret));
        }
        else
        {
            message.Headers.Authorization = new AuthenticationHeaderValue("Basic", Basic(id, secret));
        }
        var body = provider.Body == OAuthBody.Json ? Json(all) : Form(all);
        message.Content = new ReadOnlyMemoryContent(body.WritableMemory);
        message.Content.Headers.ContentType = provider.Body == OAuthBody.Json ? new MediaTypeHeaderValue("application/json") { CharSet = "utf-8" } : new MediaTypeHeaderValue("application/x-www-form-urlencoded");
        return new TokenRequest(message, body);
    }

    public void Dispose()
    {
        Message.Dispose();
        _body.Dispose();
    }

    private static Plaintext Form(IReadOnlyList<(string Name, Plaintext Value)> members)
    {
        using var room = Plaintext.Allocate(members.Sum(m => m.Name.Length + m.Value.Length * 3 + 2) + 1);
        var length = 0;
        foreach (var (name, value) in members)
        {
            if (length > 0) room.Writable[length++] = (byte)'&';
            length += Encoding.ASCII.GetBytes(name, room.Writable[length..]);
            room.Writable[length++] = (byte)'=';
            length += Encode(value.Bytes, room.Writable[length..]);
        }
        return Plaintext.CopyOf(room.Bytes[..length]);
    }

    private static Plaintext Json(IReadOnlyList<(string Name, Plaintext Value)> members)
    {
        // \u00xx for one byte is the longest form.
        using var room = new Room(members.Sum(m => m.Name.Length + m.Value.Length * 6 + 8) + 64);
        using (var writer = new Utf8JsonWriter(room))
        {
            writer.WriteStartObject();
            foreach (var (name, value) in members) writer.WriteString(name, value.Bytes);
            writer.WriteEndObject();
        }
        return Plaintext.CopyOf(room.Written);
    }

    // Both halves are form-encoded first, as RFC 6749 2.3.1 says.
    private static string Basic(Plaintext id, Plaintext secret)
    {
        using var room = Plaintext.Allocate((id.Length + secret.Length) * 3 + 1);
        var length = Encode(id.Bytes, room.Writable);
        room.Writable[length++] = (byte)':';
        length += Encode(secret.Bytes, room.Writable[length..]);
        return Convert.ToBase64String(room.Bytes[..length]);
    }

    private static int Encode(ReadOnlySpan<byte> value, Span<byte> to)
    {
        var at = 0;
        foreach (var b in value)
        {
            if (char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~')
            {
                to[at++] = b;
                continue;
            }
            to[at++] = (byte)'%';
            Utf8Formatter.TryFormat(b, to[at..], out var written, new StandardFormat('X', 2));
            at += written;
        }
        return at;
    }

    /// <summary>One pinned buffer that does not grow, so that no copy is left behind.</summary>
    private sealed class Room(int size) : IBufferWriter<byte>, IDisposable
    {
        private readonly Plaintext _bytes = Plaintext.Allocate(Math.Max(size, 4096));
        private int _length;

        public ReadOnlySpan<byte> Written => _bytes.Bytes[.._length];

        public void Advance(int count) => _length += count;

        public Memory<byte> GetMemory(int sizeHint = 0) => _bytes.WritableMemory[_length..];

        public Span<byte> GetSpan(int sizeHint = 0) => _bytes.Writable[_length..];

        public void Dispose()
        {
            CryptographicOperations.ZeroMemory(_bytes.Writable);
            _bytes.Dispose();
        }
    }
}
