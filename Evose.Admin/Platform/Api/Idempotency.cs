using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Api;

/// <summary>
/// Writes that carry an <c>Idempotency-Key</c> happen once in 24 hours: a repetition gets the first answer. The answer is kept sealed, because it may hold an API key.
/// A repetition while the first is under way, or with another body, is a conflict.
/// </summary>
public sealed partial class Idempotency(IDbContextFactory<AdminDb> dbs, SecretVault vault, TimeProvider clock, ILogger<Idempotency> log) : IEndpointFilter
{
    private readonly DateTimeOffset _started = clock.GetUtcNow();

    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var request = context.HttpContext.Request;
        var key = request.Headers["Idempotency-Key"].ToString();
        if (key.Length == 0 || HttpMethods.IsGet(request.Method) || context.HttpContext.GetEndpoint()?.Metadata.GetMetadata<NotIdempotent>() is not null) return await next(context);
        if (key.Length > 200) return ApiResults.Of(Problem.Invalid("Idempotency-Key", "An Idempotency-Key has at most 200 characters."));

        var ct = context.HttpContext.RequestAborted;
        var id = Hash($"{context.HttpContext.Caller().Id}\n{request.Method}\n{request.Path}\n{key}");
        var body = await RequestHashAsync(request, ct);
        var now = clock.GetUtcNow();
        await using (var db = await dbs.CreateDbContextAsync(ct))
        {
            await using var write = await db.BeginWriteAsync(ct);
            var old = await db.IdempotencyRecords.SingleOrDefaultAsync(r => r.Key == id, ct);
            // One that was under way when the app last stopped will never be finished: its key is free again.
            if (old is not null && old.CreatedAt > now - Kept && (old.Status is not null || old.CreatedAt >= _started))
            {
                if (!HeadSeal.IsGenuine(vault, body, Convert.FromHexString(old.RequestHash))) return ApiResults.Of(Problem.Conflict("This Idempotency-Key was used with another body."));
                if (old.Status is not { } status) return ApiResults.Of(Problem.Conflict("The first request with this Idempotency-Key is still under way."));
                if (old.SealedBody is null) return new Replay(status, null);
                using var opened = vault.OpenBlob("idempotency", Encoding.ASCII.GetBytes(id), old.SealedBody);
                return new Replay(status, Results.Bytes(opened.Bytes.ToArray(), "application/json"));
            }
            if (old is not null) db.Remove(old);
            await db.SaveChangesAsync(ct);
            // Keyed, because a body may hold a value short enough to be guessed from a plain hash.
            db.IdempotencyRecords.Add(new IdempotencyRecord { Key = id, RequestHash = Convert.ToHexStringLower(vault.AuditMac(body)), CreatedAt = now });
            await write.CommitAsync(ct);
        }

        object? result = null;
        var done = false;
        try
        {
            result = await next(context);
            done = true;
        }
        finally
        {
            await TryKeepAsync(id, done ? result : null);
        }
        return result;
    }

    // What was done is done: that its answer could not be kept must not turn it into a failure.
    private async Task TryKeepAsync(string id, object? result)
    {
        try
        {
            await KeepAsync(id, result);
        }
        catch (Exception e)
        {
            LogNotKept(e.GetType().Name);
        }
    }

    [LoggerMessage(LogLevel.Warning, "The answer to a request with an Idempotency-Key could not be kept ({Error}); its repetition is refused until the app restarts")]
    private partial void LogNotKept(string error);

    // An answer of a use case is kept, with its JSON or without any; a refusal is none, and the key is free again.
    private async Task KeepAsync(string id, object? result)
    {
        await using var db = await dbs.CreateDbContextAsync(CancellationToken.None);
        await using var write = await db.BeginWriteAsync(CancellationToken.None);
        var record = await db.IdempotencyRecords.SingleAsync(r => r.Key == id);
        if (result is IStatusCodeHttpResult { StatusCode: { } status and < 500 })
        {
            record.Status = status;
            if (result is IValueHttpResult { Value: { } value }) record.SealedBody = vault.SealBlob("idempotency", Encoding.ASCII.GetBytes(id), JsonSerializer.SerializeToUtf8Bytes(value, ApiResults.Json));
        }
        else
        {
            db.Remove(record);
        }
        await write.CommitAsync(CancellationToken.None);
    }

    private static async Task<byte[]> RequestHashAsync(HttpRequest request, CancellationToken ct)
    {
        // The body was buffered before binding read it; see UseRepeatableBodies.
        if (!request.Body.CanSeek) return [];
        request.Body.Position = 0;
        var hash = await SHA256.HashDataAsync(request.Body, ct);
        request.Body.Position = 0;
        return hash;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    private sealed class Replay(int status, IResult? body) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext)
        {
            httpContext.Response.StatusCode = status;
            httpContext.Response.Headers["Idempotent-Replayed"] = "true";
            return body?.ExecuteAsync(httpContext) ?? Task.CompletedTask;
        }
    }
}

/// <summary>Marks an endpoint whose answer must not be kept.</summary>
public sealed record NotIdempotent;
