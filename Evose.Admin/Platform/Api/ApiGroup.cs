using System.Data.Common;
using Evose.Admin.Domain;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Api;

/// <summary>The REST surface: <c>/api/v1</c>, API keys only, one envelope for every failure.</summary>
public static class ApiGroup
{
    public const string Prefix = "/api/v1";

    public static RouteGroupBuilder MapApi(this WebApplication app) =>
        app.MapGroup(Prefix).RequireAuthorization(IdentitySetup.ApiPolicy).DisableAntiforgery()
            .AddEndpointFilter<SealedFilter>().AddEndpointFilter<RequestLimit>().AddEndpointFilter<Idempotency>();

    /// <summary>The caller of this request.</summary>
    public static Actor Caller(this HttpContext context) => CurrentActor.Of(context);

    /// <summary>Turns what was thrown under the REST surface into the envelope, without the exception's text.</summary>
    public static IApplicationBuilder UseApiErrors(this IApplicationBuilder app) => app.UseWhen(
        c => c.Request.Path.StartsWithSegments("/api") || c.Request.Path.StartsWithSegments("/ui"),
        branch => branch.Use(AnswerEmptyAsync).Use(AnswerMissAsync).UseExceptionHandler(new ExceptionHandlerOptions
        {
            SuppressDiagnosticsCallback = context => context.Exception is BadHttpRequestException or VaultSealedException,
            ExceptionHandler = async context =>
            {
                var problem = context.Features.Get<IExceptionHandlerFeature>()?.Error switch
                {
                    BadHttpRequestException { StatusCode: 413 } => TooLarge,
                    BadHttpRequestException => Unreadable,
                    VaultSealedException => Problem.Sealed,
                    DbUpdateConcurrencyException => Problem.Conflict("Somebody else changed this at the same moment. Read it again and retry."),
                    // The database does not answer: nothing can be recorded, so nothing is done.
                    TimeoutException or DbException => Problem.DatabaseUnavailable,
                    { } e when DatabaseTrouble.Is(e) => Problem.DatabaseUnavailable,
                    _ => Problem.Internal,
                };
                await ApiResults.WriteAsync(context, problem);
            },
        }));

    private static readonly Problem Unreadable = Problem.Malformed("The request could not be read: something in the address or the JSON body has not the documented name or type.");

    private static readonly Problem TooLarge = Problem.Malformed("The body is too large.");

    // Two things the framework answers itself and without a body: one that is too large for a parameter, and a number in the address that is none.
    private static async Task AnswerEmptyAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Response.HasStarted) return;
        if (context.Response.StatusCode == StatusCodes.Status413PayloadTooLarge) await ApiResults.WriteAsync(context, TooLarge);
        else if (context.Response.StatusCode == StatusCodes.Status400BadRequest) await ApiResults.WriteAsync(context, Unreadable);
    }

    // What fits no endpoint has no rule of who may ask, and would else be told to sign in, which a program with a good key cannot do.
    private static async Task AnswerMissAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint() is RouteEndpoint || !context.Request.Path.StartsWithSegments(Prefix))
        {
            await next(context);
            return;
        }
        // Routing's own endpoints for another method or another kind of body only set the status, and say in Allow what is taken.
        if (context.GetEndpoint()?.RequestDelegate is { } madeByRouting) await madeByRouting(context);
        var status = context.Response.StatusCode;
        await ApiResults.WriteAsync(context, status switch
        {
            StatusCodes.Status405MethodNotAllowed => Problem.Malformed($"This address does not take {(context.Request.Method.Length > 16 ? "that method" : context.Request.Method)}. It takes {context.Response.Headers.Allow}."),
            StatusCodes.Status415UnsupportedMediaType => Problem.Malformed("Send JSON with Content-Type: application/json."),
            _ => Problem.NotFound("address"),
        }, status is StatusCodes.Status405MethodNotAllowed or StatusCodes.Status415UnsupportedMediaType ? status : null);
    }

    private sealed class SealedFilter(SecretVault vault) : IEndpointFilter
    {
        public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
            vault.IsSealed ? ApiResults.Of(Problem.Sealed) : await next(context);
    }
}
