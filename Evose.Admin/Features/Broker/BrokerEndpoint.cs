using System.Data.Common;
using System.Security.Cryptography;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Platform.Brokering;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Ledger;
using Evose.Admin.Platform.Outbound;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.WebUtilities;
using Microsoft.Extensions.Options;
using Yarp.ReverseProxy.Forwarder;

namespace Evose.Admin.Features.Broker;

/// <summary>
/// <c>ANY /broker/{workspace}/{tool}/{**path}</c>: the nine steps of a call, in order. Steps 1 to 6 are <see cref="CallGate"/>'s; here the call is forwarded and completed.
/// </summary>
public sealed partial class BrokerEndpoint(CallGate gate, IHttpForwarder forwarder, OutboundClient outbound, LiveTokens tokens, IEnumerable<IAnswerWatcher> watchers, EchoSignal echo, IOptions<BrokerOptions> options, ILogger<BrokerEndpoint> log)
{
    private const int MaxRepeated = 64 * 1024;

    internal const string UnreadableReason = "answer_unreadable";

    internal static readonly Problem Unreadable = Problem.UpstreamFailed("The upstream answered in a compressed form that cannot be looked into for the values it was sent, so nothing of it is passed on. It was asked for an uncompressed answer.", UnreadableReason);

    private readonly IAnswerWatcher[] _watchers = [.. watchers];
    private readonly int _maxReadBodyBytes = options.Value.MaxReadBodyBytes;
    private readonly long _maxRequestBytes = options.Value.MaxRequestBytes;
    private readonly ForwarderRequestConfig _http = Config(options.Value, new Version(1, 1));
    private readonly ForwarderRequestConfig _https = Config(options.Value, new Version(2, 0));

    private static ForwarderRequestConfig Config(BrokerOptions options, Version version) =>
        new() { ActivityTimeout = options.ActivityTimeout, Version = version, VersionPolicy = HttpVersionPolicy.RequestVersionOrLower };

    /// <summary>Answers every call, whatever fails on the way: this stands before the middleware that does so for the rest of the app.</summary>
    public async Task HandleAsync(HttpContext context)
    {
        OpenedCall? call = null;
        byte[]? body = null;
        try
        {
            // TRACE would give the injected header back; CONNECT is no call.
            if (context.Request.Method is not ("GET" or "HEAD" or "POST" or "PUT" or "PATCH" or "DELETE" or "OPTIONS"))
            {
                await ApiResults.WriteAsync(context, Problem.Invalid("method", "Use GET, HEAD, POST, PUT, PATCH, DELETE or OPTIONS."));
                return;
            }
            var connection = KnownConnection.Of(context);
            if (!TryRead(context, connection, out var request))
            {
                await ApiResults.WriteAsync(context, Problem.NotFound("address; it is /broker/{workspace}/{tool}/{path}"));
                return;
            }
            if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = _maxRequestBytes;

            for (var again = false; ; again = true)
            {
                // 1 Authenticate, 2 Find, 3 Authorize, 4 Refuse, 5 Resolve, 6 Record and open.
                var entered = await gate.EnterAsync(ApiKeyAuthenticator.HeaderOf(context.Request, sdkHeaders: true), request, context.Request.QueryString, context.RequestAborted, fresh: again, connection?.Caller);
                if (entered.Failed(out var refusal, out call))
                {
                    await ApiResults.WriteAsync(context, refusal);
                    return;
                }

                // A body that is signed, or that a field goes into, is read before anything leaves.
                if (call.Request.ReadsBody && (await ReadBodyAsync(context, call)).Failed(out var unreadable, out body))
                {
                    call.Recorded.Complete(null, CallOutcome.Failed, LedgerRows.CallerBody);
                    await ApiResults.WriteAsync(context, unreadable);
                    return;
                }

                // 7 Inject and forward: vetted addresses only, no redirects, nothing of ours goes along.
                var tool = call.Recorded.Call.Request!;
                var injector = again || call.Request.ReadsBody || !LiveTokens.AreRenewable(call.Recorded.Call.Versions) ? new SecretInjector(call, _watchers, body ?? []) : await RepeatableAsync(context, call);
                var error = await forwarder.SendAsync(context, tool.Authority, outbound.For(call.Recorded.Call.Workspace!.Id), tool.IsHttp ? _http : _https, injector, context.RequestAborted);

                // A token that was refused and is renewed: the first use is over and stays on record; the same call is decided, recorded and sent once more.
                if (injector.MustRepeat && error == ForwarderError.None && !context.Response.HasStarted)
                {
                    call.Recorded.Complete(context.Response.StatusCode, CallOutcome.UpstreamError, LedgerRows.TokenRefused);
                    call.Dispose();
                    context.Response.Clear();
                    if (context.Request.Body.CanSeek) context.Request.Body.Position = 0;
                    continue;
                }

                // What step 8 found in the answer on its way is told of. 9 Complete.
                if (call.Values.Echoes is { HasFound: true } echoes) await echo.TellAsync(call.Recorded.Call, echoes.Found());
                if (error == ForwarderError.None) CompleteAnswered(call.Recorded, context.Response.StatusCode);
                else await FailAsync(context, call.Recorded, error);
                return;
            }
        }
        catch (Exception e) when (!context.Response.HasStarted && !context.RequestAborted.IsCancellationRequested)
        {
            // Before the answer: who sees a call end finds its values gone and its use completed.
            End(call);
            await AnswerAsync(context, e);
        }
        finally
        {
            End(call);
            CryptographicOperations.ZeroMemory(body);
        }
    }

    private async Task<SecretInjector> RepeatableAsync(HttpContext context, OpenedCall call)
    {
        var versions = call.Recorded.Call.Versions;
        var canRepeat = await CanRepeatAsync(context);
        return new SecretInjector(call, _watchers, default, (answer, ct) => tokens.RenewedAfterAsync(versions, answer, ct), canRepeat);
    }

    // Without a body, or with a small one of known length, which is then kept in memory for the time of the call.
    private static async ValueTask<bool> CanRepeatAsync(HttpContext context)
    {
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false }) return true;
        if (context.Request.ContentLength is not { } length || length > MaxRepeated) return false;
        context.Request.EnableBuffering(MaxRepeated);
        await context.Request.Body.DrainAsync(context.RequestAborted);
        context.Request.Body.Position = 0;
        return true;
    }
    // In place of the caller's body stands from here on what will be sent.
    private async Task<Outcome<byte[]>> ReadBodyAsync(HttpContext context, OpenedCall call)
    {
        var (request, has) = (context.Request, context.Request.ContentLength > 0 || context.Request.Headers.TransferEncoding.Count > 0);
        if (!has)
            return call.Request.ChangesBody ? Problem.Invalid("body", "A credential of this tool puts a field into the body: send a JSON object or a form.") : Array.Empty<byte>();
        if (request.ContentLength > _maxReadBodyBytes) return TooLargeToRead();
        using var kept = new MemoryStream();
        var buffer = new byte[16 * 1024];
        int n;
        while ((n = await request.Body.ReadAsync(buffer, context.RequestAborted)) > 0)
        {
            if (kept.Length + n > _maxReadBodyBytes) return TooLargeToRead();
            kept.Write(buffer, 0, n);
        }
        if (call.Request.BodyOf(kept.GetBuffer().AsMemory(0, (int)kept.Length), request.ContentType ?? "").Failed(out var problem, out var ready)) return problem;
        request.Headers.Remove("Transfer-Encoding");
        request.ContentLength = ready.Length;
        request.Body = new MemoryStream(ready, writable: false);
        return ready;
    }

    private Problem TooLargeToRead() => Problem.Invalid("body", $"A credential of this tool signs the body or puts a field into it, so it is read whole: at most {_maxReadBodyBytes} bytes.");

    // Whatever happened, the use has an end and the values are zeroed. A second time does nothing.
    private static void End(OpenedCall? call)
    {
        if (call is null) return;
        call.Recorded.Complete(null, CallOutcome.Failed, "internal");
        call.Dispose();
    }

    private async Task AnswerAsync(HttpContext context, Exception e)
    {
        var problem = e switch
        {
            VaultSealedException => Problem.Sealed,
            DbException or TimeoutException => Problem.AuditUnavailable,
            FormatException => Denial.ValueUnsafe.ToProblem(),
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => Problem.Malformed("The body is too large."),
            BadHttpRequestException => Problem.Malformed("The request could not be read."),
            UnreadableAnswerException => Unreadable,
            _ => Problem.Internal,
        };
        if (problem.Kind == ProblemKind.Bug) LogBug(e.GetType().Name, context.TraceIdentifier);
        context.Response.Clear();
        await ApiResults.WriteAsync(context, problem);
    }

    private static void CompleteAnswered(RecordedCall recorded, int status) =>
        recorded.Complete(status, status < 400 ? CallOutcome.Succeeded : CallOutcome.UpstreamError, null);

    private static async Task FailAsync(HttpContext context, RecordedCall recorded, ForwarderError error)
    {
        var exception = context.Features.Get<IForwarderErrorFeature>()?.Exception;
        var begun = context.Response.HasStarted;
        if (context.RequestAborted.IsCancellationRequested)
        {
            recorded.Complete(begun ? context.Response.StatusCode : null, CallOutcome.Failed, "caller_left");
            return;
        }
        if (error is ForwarderError.RequestBodyClient or ForwarderError.RequestBodyCanceled or ForwarderError.UpgradeRequestClient)
        {
            // The caller's own body broke off or was too large: neither the upstream nor the key has anything to do with it.
            recorded.Complete(begun ? context.Response.StatusCode : null, CallOutcome.Failed, LedgerRows.CallerBody);
            if (begun) return;
            context.Response.Clear();
            await ApiResults.WriteAsync(context, Problem.Malformed("The body could not be read to its end, or it is too large."));
            return;
        }
        if (exception is FormatException && !begun)
        {
            // The signature could not be made: nothing has left.
            recorded.Complete(null, CallOutcome.Failed, Denial.ValueUnsafe.Rule());
            context.Response.Clear();
            await ApiResults.WriteAsync(context, Denial.ValueUnsafe.ToProblem());
            return;
        }
        if (exception is UnreadableAnswerException && !begun)
        {
            recorded.Complete(null, CallOutcome.Failed, UnreadableReason);
            context.Response.Clear();
            await ApiResults.WriteAsync(context, Unreadable);
            return;
        }
        var reason = error is ForwarderError.RequestTimedOut ? "timeout" : exception is null ? "protocol" : OutboundFailures.Reason(exception);
        recorded.Complete(begun ? context.Response.StatusCode : null, CallOutcome.Failed, reason);
        // An answer that has begun cannot be taken back: YARP has reset the connection, so the caller sees it broke off.
        if (begun) return;
        context.Response.Clear();
        await ApiResults.WriteAsync(context, exception is null ? Problem.UpstreamFailed("The upstream did not answer in a way that can be passed on.", reason) : OutboundFailures.Describe(exception));
    }

    [LoggerMessage(LogLevel.Error, "A call failed in a way that is a defect of ours: {Error}, request {RequestId}")]
    private partial void LogBug(string error, string requestId);

    // /broker/{workspace}/{tool}/{**path}; the path is as Kestrel decoded it, dot segments already gone.
    private static bool TryRead(HttpContext context, KnownConnection? connection, out CallRequest request)
    {
        request = default;
        if (context.Request.Path.Value is not { Length: > 8 } decoded) return false;
        var raw = context.Features.Get<IHttpRequestFeature>()?.RawTarget ?? "";
        if (connection?.AddressIn(raw, decoded) is not { } address)
        {
            if (AddressOf(raw, decoded) is not { } read) return false;
            address = read;
            connection?.Keep(raw, decoded, address);
        }
        request = new CallRequest(address.Workspace, address.Tool, context.Request.Method, address.Path, CallContext.Of(context.Request.Headers), context.Connection.RemoteIpAddress?.ToString(), context.TraceIdentifier);
        return true;
    }

    private static CallAddress? AddressOf(string raw, string decoded)
    {
        var rest = decoded.AsSpan("/broker/".Length);
        var first = rest.IndexOf('/');
        if (first <= 0) return null;
        var workspace = rest[..first].ToString();
        rest = rest[(first + 1)..];
        var second = rest.IndexOf('/');
        var tool = (second < 0 ? rest : rest[..second]).ToString();
        if (tool.Length == 0 || !Slug.IsValid(workspace) || !Slug.IsValid(tool)) return null;
        return new CallAddress(workspace, tool, Encoded(raw, second < 0 ? PathString.Empty : new PathString(rest[second..].ToString())));
    }

    // As the caller wrote it, so that %2F stays one segment's slash; when it holds dot segments or is of another form, as Kestrel has resolved it.
    private static string Encoded(ReadOnlySpan<char> raw, PathString decoded)
    {
        if (!decoded.HasValue || decoded.Value == "/") return "";
        var end = raw.IndexOf('?');
        if (end >= 0) raw = raw[..end];
        // "/broker/{workspace}/{tool}/…": the names hold nothing that is ever encoded.
        var start = -1;
        if (raw.Length > 8 && raw.StartsWith("/broker/", StringComparison.OrdinalIgnoreCase) && raw[8..].IndexOf('/') is >= 0 and var first && raw[(8 + first + 1)..].IndexOf('/') is >= 0 and var second)
            start = 8 + first + 1 + second;
        if (start < 0 || raw.Contains('\\')) return RenderedRequest.Encode(decoded);
        var path = raw[start..];
        foreach (var range in path.Split('/'))
            if (IsTreacherous(path[range])) return RenderedRequest.Encode(decoded);
        // Mostly the two are the same text, which is there already.
        return path.SequenceEqual(decoded.Value) ? decoded.Value! : path.ToString();
    }

    // A dot segment in any encoding, or an encoded backslash.
    private static bool IsTreacherous(ReadOnlySpan<char> segment)
    {
        if (!segment.Contains('%')) return segment is "." or "..";
        return Uri.UnescapeDataString(segment) is "." or ".." || segment.Contains("%5c", StringComparison.OrdinalIgnoreCase);
    }
}
