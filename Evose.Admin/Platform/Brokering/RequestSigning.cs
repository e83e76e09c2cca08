using System.Security.Cryptography;
using System.Text;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Templates;

namespace Evose.Admin.Platform.Brokering;

/// <summary>Signs a request that is otherwise ready, with the fields of one attached credential.</summary>
internal sealed class RequestSigning
{
    private readonly AttachedCredential _with;
    private readonly AwsRecipe? _aws;
    private readonly HmacRecipe? _hmac;

    private RequestSigning(AttachedCredential with, AwsRecipe? aws, HmacRecipe? hmac) => (_with, _aws, _hmac) = (with, aws, hmac);

    /// <summary>Null when the credential does not sign.</summary>
    /// <exception cref="KeyNotFoundException">A field that the signature needs is not there.</exception>
    public static RequestSigning? With(AttachedCredential credential)
    {
        switch (credential.Rules.Signing)
        {
            case SigningScheme.AwsSigV4:
                // Checked when it was saved, and sealed since.
                var aws = AwsRecipe.Parse(credential.Rules.SigningOptions).Value ?? throw new InvalidOperationException("a signing recipe that was checked on save does not parse");
                foreach (var name in new[] { AwsRecipe.KeyId, AwsRecipe.Secret }) credential.Field(name);
                if (aws.Region is null) credential.Field(AwsRecipe.RegionField);
                if (aws.Service is null) credential.Field(AwsRecipe.ServiceField);
                return new RequestSigning(credential, aws, null);
            case SigningScheme.Hmac:
                var hmac = HmacRecipe.Parse(credential.Rules.SigningOptions).Value ?? throw new InvalidOperationException("a signing recipe that was checked on save does not parse");
                foreach (var name in hmac.Fields) credential.Field(name);
                return new RequestSigning(credential, null, hmac);
            default:
                return null;
        }
    }

    public bool ReadsBody => _aws is { SignsPayload: true } || _hmac is { ReadsBody: true };

    /// <summary>Whether the header is made here, so that nobody else's is sent.</summary>
    public bool Owns(string name) => _aws is not null
        ? Is(name, "Authorization") || Is(name, AwsSigV4.DateHeader) || Is(name, AwsSigV4.HashHeader) || Is(name, AwsSigV4.TokenHeader)
        : Is(name, _hmac!.Header) || (_hmac.TimestampHeader is { } stamp && Is(name, stamp));

    /// <summary>Adds the headers of the signature. False when a field cannot be used for it.</summary>
    public bool Sign(HttpRequestMessage request, ReadOnlySpan<byte> body, DateTimeOffset now) => _aws is not null ? SignAws(request, body, now) : SignHmac(request, body, now);

    /// <summary>The Host header as the HTTP stack sends it.</summary>
    public static string HostOf(Uri target)
    {
        var host = target.HostNameType == UriHostNameType.IPv6 ? $"[{target.IdnHost}]" : target.IdnHost;
        return target.IsDefaultPort ? host : $"{host}:{target.Port}";
    }

    private bool SignAws(HttpRequestMessage request, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        var region = _aws!.Region ?? Text(AwsRecipe.RegionField);
        var service = _aws.Service ?? Text(AwsRecipe.ServiceField);
        var keyId = Text(AwsRecipe.KeyId);
        if (!AwsRecipe.IsName(region) || !AwsRecipe.IsName(service) || !HeaderRules.IsValue(keyId)) return false;
        var isS3 = AwsRecipe.IsS3(service);
        var date = AwsSigV4.DateOf(now);
        var payload = _aws.SignsPayload ? Convert.ToHexStringLower(SHA256.HashData(body)) : AwsSigV4.UnsignedPayload;
        request.Headers.TryAddWithoutValidation(AwsSigV4.DateHeader, date);
        if (isS3) request.Headers.TryAddWithoutValidation(AwsSigV4.HashHeader, payload);
        if (_with.Find(AwsRecipe.Token) is { Length: > 0 })
        {
            var token = Text(AwsRecipe.Token);
            if (!HeaderRules.IsValue(token)) return false;
            request.Headers.TryAddWithoutValidation(AwsSigV4.TokenHeader, token);
        }

        var headers = new List<(string, string)> { ("host", HostOf(request.RequestUri!)) };
        foreach (var h in request.Headers.NonValidated)
            if (h.Key.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase)) headers.AddRange(h.Value.Select(v => (h.Key.ToLowerInvariant(), v)));
        foreach (var h in request.Content?.Headers.NonValidated ?? default)
            if (Is(h.Key, "content-type") || Is(h.Key, "content-md5")) headers.AddRange(h.Value.Select(v => (h.Key.ToLowerInvariant(), v)));
        var target = request.RequestUri!;
        var authorization = AwsSigV4.Authorization(new(request.Method.Method, target.AbsolutePath, target.Query.TrimStart('?'), headers, payload), keyId, _with.Field(AwsRecipe.Secret).Bytes, region, service, date, isS3);
        request.Headers.Remove("Authorization");
        return request.Headers.TryAddWithoutValidation("Authorization", authorization);
    }

    private bool SignHmac(HttpRequestMessage request, ReadOnlySpan<byte> body, DateTimeOffset now)
    {
        // Before the hash, which may cover it.
        if (_hmac!.TimestampHeader is { } stamp) request.Headers.TryAddWithoutValidation(stamp, _hmac.Write(now));
        var value = HmacSignature.Of(_hmac, request, body, now, _with.Field);
        if (value is null || !HeaderRules.IsValue(value)) return false;
        request.Headers.Remove(_hmac.Header);
        return request.Headers.TryAddWithoutValidation(_hmac.Header, value);
    }

    private string Text(string field) => Encoding.UTF8.GetString(_with.Field(field).Bytes);

    private static bool Is(string a, string b) => RenderedRequest.IsSame(a, b);
}
