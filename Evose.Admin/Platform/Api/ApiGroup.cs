using Evose.Admin.Domain;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Diagnostics;

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
        branch => branch.Use(AnswerTooLargeAsync).UseExceptionHandler(new ExceptionHandlerOptions
        {
            SuppressDiagnosticsCallback = context => context.Exception is BadHttpRequestException or VaultSealedException,
            ExceptionHandler = async context =>
            {
                var problem = context.Features.Get<IExceptionHandlerFeature>()?.Error switch
                {
                    BadHttpRequestException { StatusCode: 413 } => TooLarge,
                    BadHttpRequestException => Problem.Malformed("The request could not be read. Check that the body is JSON with the documented names and types."),
                    VaultSealedException => Problem.Sealed,
                    Microsoft.EntityFrameworkCore.DbUpdateConcurrencyException => Problem.Conflict("Somebody else changed this at the same moment. Read it again and retry."),
                    // The database does not answer: nothing can be recorded, so nothing is done.
                    TimeoutException or System.Data.Common.DbException => Problem.AuditUnavailable,
                    _ => Problem.Internal,
                };
                await ApiResults.WriteAsync(context, problem);
            },
        }));

    private static readonly Problem TooLarge = Problem.Malformed("The body is too large.");

    // Where the framework reads the body into a parameter, it answers this one case itself, without a body.
    private static async Task AnswerTooLargeAsync(HttpContext context, RequestDelegate next)
    {
        await next(context);
        if (context.Response is { StatusCode: StatusCodes.Status413PayloadTooLarge, HasStarted: false }) await ApiResults.WriteAsync(context, TooLarge);
    }

    private sealed class SealedFilter(SecretVault vault) : IEndpointFilter
    {
        public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) =>
            vault.IsSealed ? ApiResults.Of(Problem.Sealed) : await next(context);
    }
}
