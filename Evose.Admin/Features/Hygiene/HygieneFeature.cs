using Evose.Admin.Domain;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.Hygiene;

/// <summary>Wires hygiene: the rules applied to what changes and every night, the findings, and what people do about them.</summary>
public static class HygieneFeature
{
    public static IServiceCollection AddHygiene(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<HygieneOptions>().Bind(configuration.GetSection(HygieneOptions.Section)).ValidateDataAnnotations().ValidateOnStart();
        services.AddSingleton<EvaluateHygiene>();
        services.AddSingleton<FindingsQuery>();
        services.AddSingleton<AcceptFinding>();
        services.AddSingleton<ReopenFinding>();
        services.AddSingleton<FixFinding>();
        services.AddSingleton<LookNow>();
        services.AddHostedService<HygieneWatch>();
        return services.AddJob<ScanHygieneJob>();
    }

    public static void ScheduleHygiene(this IServiceProvider services) => services.Every<ScanHygieneJob>(TimeSpan.FromDays(1));

    public static void MapHygiene(this RouteGroupBuilder api)
    {
        api = api.MapGroup("/workspaces/{ws}").WithTags("Hygiene");
        api.MapGet("/hygiene", async (string ws, FindingsQuery findings, HttpContext context) =>
            ApiResults.Of(await findings.SummaryAsync(context.Caller(), ws, new FindingsQuery.Filter(), context.RequestAborted), Shape)).WithSummary("The score with its arithmetic, and how many findings of each rule are open. 'org' is the whole organization.");
        api.MapPost("/hygiene/look", async (string ws, LookNow look, HttpContext context) => ApiResults.Of(await look.ExecuteAsync(context.Caller(), ws, context.RequestAborted))).WithSummary("Look at the workspace now instead of at night.");
        api.MapGet("/findings", async (string ws, string? rule, string? severity, string? state, string? search, int? limit, string? cursor, FindingsQuery findings, HttpContext context) =>
            ApiResults.Of(await findings.RunAsync(context.Caller(), ws, new FindingsQuery.Filter(rule, severity, state, search, limit, cursor), context.RequestAborted), p => p.Select(Shape))).WithSummary("Hygiene findings, gravest first.");
        api.MapGet("/credentials/{name}/findings", async (string ws, string name, FindingsQuery findings, HttpContext context) =>
            ApiResults.Of(await findings.OfCredentialAsync(context.Caller(), ws, name, context.RequestAborted), p => p.Select(Shape))).WithSummary("Hygiene findings of one credential, accepted ones included.");
        api.MapPost("/findings/{id:guid}/acceptance", async (string ws, Guid id, AcceptBody body, AcceptFinding accept, HttpContext context) =>
            ApiResults.Of(await accept.ExecuteAsync(context.Caller(), ws, id, new AcceptFinding.Input(body.Reason, body.Until, body.Revision), context.RequestAborted))).WithSummary("Live with a finding until a date, at most a year, and say why.");
        api.MapDelete("/findings/{id:guid}/acceptance", async (string ws, Guid id, ReopenFinding reopen, HttpContext context) =>
            (await reopen.ExecuteAsync(context.Caller(), ws, id, context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.NoContent()).WithSummary("Take an acceptance back.");
        api.MapPost("/findings/{id:guid}/fix", async (string ws, Guid id, FixFinding fix, HttpContext context) =>
            ApiResults.Of(await fix.ExecuteAsync(context.Caller(), ws, id, new FixFinding.Input(), context.RequestAborted), f => new { f.Id, Fix = f.Fix.Wire(), f.Did })).WithSummary("Put a finding right, where the app can do that safely.");
    }

    /// <param name="Until">ISO 8601; a day alone means its end.</param>
    public sealed record AcceptBody(string? Reason, string? Until, int? Revision);

    private static object Shape(FindingsQuery.Row f) => new
    {
        f.Id, f.Workspace, f.Rule, f.Severity, f.Title, f.SubjectKind, f.Subject, f.Text, f.State, Fix = f.Fix.Wire(), FirstSeenAt = f.FirstSeenAt.UtcDateTime, ResolvedAt = f.ResolvedAt?.UtcDateTime,
        Acceptance = f.AcceptedUntil is null ? null : new { By = f.AcceptedBy, At = f.AcceptedAt?.UtcDateTime, Reason = f.AcceptReason, Until = f.AcceptedUntil?.UtcDateTime }, f.Revision,
    };

    private static object Shape(FindingsQuery.Summary s) => new
    {
        Score = Shape(s.Score), s.Accepted, LookedAt = s.LookedAt?.UtcDateTime, Rules = s.Rules.Select(r => new { r.Rule.Id, r.Rule.Severity, r.Rule.Title, r.Rule.Why, Open = r.Count }),
        Workspaces = s.Places.Select(p => new { Slug = p.Workspace, p.Name, Score = p.Score.Value, p.Score.Open }),
    };

    private static object Shape(HygieneScore s) => new { Points = s.Value, s.Subjects, s.Open, s.Lost, s.Mean, s.Cap, Arithmetic = s.Arithmetic() };

    internal static string? Wire(this HygieneFix fix) => fix switch
    {
        HygieneFix.None => null,
        HygieneFix.NarrowScope => "narrow_scope",
        HygieneFix.TakeOwnership => "take_ownership",
        HygieneFix.ForbidInUrl => "forbid_in_url",
    };
}
