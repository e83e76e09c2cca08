using Evose.Admin.Domain;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http.Features;

namespace Evose.Admin.Platform.Intake;

/// <summary><c>POST /ui/intake</c>: the raw bytes of one value, with a ticket and the antiforgery token in headers. Read into one pinned buffer, which is zeroed.</summary>
public static class IntakeEndpoint
{
    // Room for the blanks and line breaks that are trimmed.
    private const int MaxBody = ValueRules.MaxBytes + 1024;

    public static async Task HandleAsync(HttpContext context, IAntiforgery antiforgery, StagedValues staged, SecretVault vault)
    {
        if (!await antiforgery.IsRequestValidAsync(context))
        {
            await ApiResults.WriteAsync(context, Problem.Forbidden("antiforgery", "This page is out of date. Reload it and try again."));
            return;
        }
        if (vault.IsSealed)
        {
            await ApiResults.WriteAsync(context, Problem.Sealed);
            return;
        }
        if (context.Request.ContentLength > MaxBody)
        {
            await ApiResults.WriteAsync(context, Problem.Invalid("value", "The value is too large: at most 64 KiB."));
            return;
        }
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size) size.MaxRequestBodySize = MaxBody;
        var value = await ReadAsync(context.Request.Body, context.RequestAborted);
        var outcome = await staged.StageAsync(CurrentActor.Of(context), context.Request.Headers["X-Evose-Ticket"], value, context.RequestAborted);
        if (outcome.Failed(out var problem, out var id)) await ApiResults.WriteAsync(context, problem);
        else await context.Response.WriteAsJsonAsync(new { id }, ApiResults.Json, context.RequestAborted);
    }

    private static async Task<Plaintext> ReadAsync(Stream body, CancellationToken ct)
    {
        using var room = Plaintext.Allocate(MaxBody + 1);
        // Pinned memory: the stream writes straight into it, no copy is left behind by a growing buffer.
        var memory = room.WritableMemory;
        var length = 0;
        int n;
        while (length < memory.Length && (n = await body.ReadAsync(memory[length..], ct)) > 0) length += n;
        return Plaintext.CopyOf(room.Bytes[..length]);
    }
}
