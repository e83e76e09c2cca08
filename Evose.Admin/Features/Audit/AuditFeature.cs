using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Mvc;

namespace Evose.Admin.Features.Audit;

/// <summary>Wires the reviewer's surface: list, export, verification, its page and its nightly job.</summary>
public static class AuditFeature
{
    public static IServiceCollection AddAudit(this IServiceCollection services)
    {
        services.AddSingleton<AuditReading>();
        services.AddSingleton<AuditQuery>();
        services.AddSingleton<AuditPlacesQuery>();
        services.AddSingleton<ChainVerifier>();
        services.AddSingleton<VerifyChain>();
        return services.AddJob<VerifyChainJob>().AddJob<RetireCallsJob>();
    }

    public static void ScheduleAudit(this IServiceProvider services)
    {
        services.Every<VerifyChainJob>(TimeSpan.FromDays(1));
        services.Every<RetireCallsJob>(TimeSpan.FromHours(1));
    }

    public static void MapAudit(this RouteGroupBuilder api)
    {
        api = api.MapGroup("/audit").WithTags("Audit");
        api.MapGet("/events", async ([AsParameters] FilterQuery q, int? limit, string? cursor, AuditQuery query, HttpContext context) =>
            ApiResults.Of(await query.RunAsync(context.Caller(), q.Filter(), limit, cursor, context.RequestAborted))).WithSummary("Every administrative act, sign-in, refusal and use, newest first.");
        api.MapGet("/export", ([AsParameters] FilterQuery q, string? format, AuditQuery query, TimeProvider clock, HttpContext context) =>
            AuditExport.AnswerAsync(query, context.Caller(), q.Filter(), format, clock, context.RequestAborted)).WithSummary("The same as a file: format=csv or jsonl.");
        api.MapGet("/verify", async (VerifyChain verify, HttpContext context) =>
            ApiResults.Of(await verify.ExecuteAsync(context.Caller(), context.RequestAborted), r => new { r.Verified, r.Events, r.Retired, r.FirstBreak })).WithSummary("Verify the hash chains of trail and ledger.");
    }

    /// <summary>The same export for the page's links: the person's cookie instead of a key.</summary>
    public static void MapAuditDownload(this WebApplication app) =>
        app.MapGet(DownloadPath, ([AsParameters] FilterQuery q, string? format, AuditQuery query, TimeProvider clock, HttpContext context) =>
            AuditExport.AnswerAsync(query, context.Caller(), q.Filter(), format, clock, context.RequestAborted)).ExcludeFromDescription();

    public const string DownloadPath = "/ui/audit/export";

    /// <summary>The filters as the address has them.</summary>
    public sealed record FilterQuery
    {
        [FromQuery(Name = "workspace")]
        public string? Workspace { get; init; }

        [FromQuery(Name = "actor")]
        public string? Actor { get; init; }

        [FromQuery(Name = "action")]
        public string? Action { get; init; }

        [FromQuery(Name = "credential")]
        public string? Credential { get; init; }

        [FromQuery(Name = "tool")]
        public string? Tool { get; init; }

        [FromQuery(Name = "agent")]
        public string? Agent { get; init; }

        [FromQuery(Name = "outcome")]
        public string? Outcome { get; init; }

        [FromQuery(Name = "created_after")]
        public string? CreatedAfter { get; init; }

        [FromQuery(Name = "created_before")]
        public string? CreatedBefore { get; init; }

        public AuditFilter Filter() => new(Workspace, Actor, Action, Credential, Tool, Agent, Outcome, CreatedAfter, CreatedBefore);
    }
}
