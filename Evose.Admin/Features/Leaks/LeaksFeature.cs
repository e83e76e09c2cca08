using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Identity;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Mvc;

namespace Evose.Admin.Features.Leaks;

/// <summary>Wires leaks: how they are reported, what is done about them, and what they opened.</summary>
public static class LeaksFeature
{
    public static IServiceCollection AddLeaks(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<LeaksOptions>().Bind(configuration.GetSection(LeaksOptions.Section))
            .Validate(o => o.ChecksPerMinute is >= 1 and <= 1_000_000, "Leaks:ChecksPerMinute must be 1 to 1000000.")
            .Validate(o => o.GitHubSecret is null or "" or { Length: >= 16 }, "Leaks:GitHubSecret must have at least 16 characters.").ValidateOnStart();
        services.AddSingleton<ReportLeak>().AddSingleton<CheckText>().AddSingleton<TakeGitHubAlert>();
        services.AddSingleton<FreezeCredential>().AddSingleton<NoteLeakStep>().AddSingleton<CloseLeak>().AddSingleton<AssignLeak>().AddSingleton<LeakTargetsQuery>();
        return services.AddSingleton<LeakListQuery>().AddSingleton<LeakDetailQuery>().AddSingleton<LeakEvidence>();
    }

    public sealed record ReportBody(string? Source, string? Note, bool? Freeze, string? Since);

    public sealed record CloseBody(string? Resolution, string? Note);

    /// <param name="Workspace">Slug of the credential's; where the report is when not given.</param>
    /// <param name="Version">The one in use when not given.</param>
    public sealed record AssignBody(string? Workspace, string? Credential, int? Version);

    /// <summary>For the document only: the text is read apart and never becomes one.</summary>
    public sealed record CheckDocument(string Text);

    public static void MapLeaks(this RouteGroupBuilder api)
    {
        api = api.MapGroup("").WithTags("Leaks");
        const string One = "/workspaces/{ws}/credentials/{name}";
        api.MapPost(One + "/leak", async (string ws, string name, [FromBody] ReportBody? body, ReportLeak report, HttpContext context) =>
            ApiResults.Of(await report.ExecuteAsync(context.Caller(), ws, name, new ReportLeak.Input(body?.Source, body?.Note, body?.Freeze ?? false, body?.Since), context.RequestAborted), Shape, StatusCodes.Status201Created))
            .WithSummary("Report that the value in use may have leaked. With freeze no call uses it from the answer on.");
        api.MapPost(One + "/freeze", async (string ws, string name, FreezeCredential freeze, HttpContext context) =>
            (await freeze.ExecuteAsync(context.Caller(), ws, name, true, context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.NoContent()).WithSummary("Stop every use of the credential, on every node, from the answer on.");
        api.MapDelete(One + "/freeze", async (string ws, string name, FreezeCredential freeze, HttpContext context) =>
            (await freeze.ExecuteAsync(context.Caller(), ws, name, false, context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.NoContent()).WithSummary("Put it back into use.");
        api.MapGet("/workspaces/{ws}/leaks", async (string ws, string? state, string? credential, int? limit, string? cursor, LeakListQuery list, HttpContext context) =>
            ApiResults.Of(await list.RunAsync(context.Caller(), ws, new LeakListQuery.Filter(state, credential, limit, cursor), context.RequestAborted), p => p.Select(r => (object)Shape(r)))).WithSummary("Reports of leaks, newest first.");
        const string Report = "/workspaces/{ws}/leaks/{id}";
        api.MapGet(Report, async (string ws, string id, LeakDetailQuery detail, HttpContext context) =>
            ApiResults.Of(await detail.RunAsync(context.Caller(), ws, IdOf(id), context.RequestAborted), Shape)).WithSummary("One report: what was done, and what the value opened since.");
        api.MapPost(Report + "/assign", async (string ws, string id, [FromBody] AssignBody? body, AssignLeak assign, HttpContext context) =>
            ApiResults.Of(await assign.ExecuteAsync(context.Caller(), ws, IdOf(id), new AssignLeak.Input(body?.Workspace, body?.Credential, body?.Version), context.RequestAborted),
                a => new { a.Id, a.Workspace, a.Credential, a.Version, State = a.State.Wire() })).WithSummary("Say whose value a report is about that came without one. It moves to the credential's workspace.");
        api.MapPost(Report + "/close", async (string ws, string id, [FromBody] CloseBody? body, CloseLeak close, HttpContext context) =>
            (await close.ExecuteAsync(context.Caller(), ws, IdOf(id), new CloseLeak.Input(body?.Resolution, body?.Note), context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.NoContent())
            .WithSummary("Say how it ended: revoked, false_positive, used_in_tests or accepted.");
        // It is on record that it was taken, so it is no mere read.
        api.MapPost(Report + "/evidence", (string ws, string id, LeakEvidence evidence, HttpContext context) => evidence.AnswerAsync(context.Caller(), ws, IdOf(id), context.RequestAborted)).WithMetadata(new NotIdempotent())
            .WithSummary("The evidence as a ZIP file: report, calls, audit events, and a signed manifest.");
        api.MapPost("/leaks/check", CheckAsync).Accepts<CheckDocument>("application/json").WithMetadata(new NotIdempotent())
            .WithSummary("Does this text hold a value of ours? Of credentials that the caller may not see only their admins are told.");
    }

    /// <summary>The same for the page's box: the text goes from the browser here, not through the page's connection.</summary>
    public static void MapLeakCheck(this RouteGroupBuilder ui) => ui.MapPost("/leaks/check", CheckAsync);

    /// <summary>GitHub has no key of ours: it signs what it sends.</summary>
    public static void MapGitHubWebhook(this WebApplication app) =>
        app.MapPost(ApiGroup.Prefix + "/leaks/github", (TakeGitHubAlert take, HttpContext context) => take.AnswerAsync(context)).AllowAnonymous().DisableAntiforgery()
            .WithTags("Leaks").WithSummary("Webhook of GitHub's secret scanning; signed with the secret in Leaks:GitHubSecret.");

    /// <summary>The evidence for the page's link: the person's cookie instead of a key.</summary>
    public static void MapLeakEvidence(this WebApplication app) =>
        app.MapGet("/ui/leaks/{ws}/{id:guid}/evidence", (string ws, Guid id, LeakEvidence evidence, HttpContext context) => evidence.AnswerAsync(CurrentActor.Of(context), ws, id, context.RequestAborted)).ExcludeFromDescription();

    private static async Task<IResult> CheckAsync(CheckText check, HttpContext context)
    {
        if ((await TextBody.ReadAsync(context.Request, context.RequestAborted)).Failed(out var unreadable, out var text)) return ApiResults.Of(unreadable);
        using (text) return ApiResults.Of(await check.ExecuteAsync(CurrentActor.Of(context), text.Bytes, context.RequestAborted));
    }

    // What is no id names no report.
    private static Guid IdOf(string id) => Guid.TryParse(id, out var known) ? known : Guid.Empty;

    internal static object Shape(LeakListQuery.Row r) => new
    {
        r.Id, State = r.State.Wire(), Source = r.Source.Wire(), r.Credential, r.Version, r.Place, r.Note, r.ReportedBy, ReportedAt = r.ReportedAt.UtcDateTime, SuspectedSince = r.SuspectedSince.UtcDateTime,
        r.Seen, LastSeenAt = r.LastSeenAt.UtcDateTime, Resolution = r.Resolution?.Wire(), ClosedAt = r.ClosedAt?.UtcDateTime,
    };

    private static object Shape(LeakDetailQuery.View v) => new
    {
        report = Shape(v.Report),
        v.Frozen,
        steps = v.Steps.Select(s => new { Act = s.Act.Wire(), s.By, At = s.At.UtcDateTime, s.Note }),
        opened = v.Opened is null ? null : new
        {
            v.Opened.Calls, v.Opened.Refused, v.Opened.IsComplete, FirstAt = v.Opened.FirstAt?.UtcDateTime, LastAt = v.Opened.LastAt?.UtcDateTime,
            Hosts = v.Opened.Hosts.Select(Shape), Tools = v.Opened.Tools.Select(Shape), Agents = v.Opened.Agents.Select(Shape), Users = v.Opened.Users.Select(Shape), Addresses = v.Opened.Addresses.Select(Shape), ApiKeys = v.Opened.ApiKeys.Select(Shape),
        },
    };

    private static object Shape(LeakDetailQuery.Source s) => new { s.Name, s.Calls, FirstAt = s.FirstAt.UtcDateTime, LastAt = s.LastAt.UtcDateTime };

    private static object Shape(ReportLeak.Reported r) => new { r.Id, r.Credential, r.Version, State = r.State.Wire(), r.Frozen };
}
