using System.Text.Json;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Intake;
using Evose.Admin.Platform.Jobs;
using Evose.Admin.Platform.Probing;
using Evose.Admin.Platform.Web;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Extensions.Options;

namespace Evose.Admin.Features.Rotation;

/// <summary>Wires the replacement of values: use cases, REST, and the sweep that retires what is due.</summary>
public static class RotationFeature
{
    public static IServiceCollection AddRotation(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<RotationOptions>().Bind(configuration.GetSection(RotationOptions.Section))
            .Validate(o => o.GracePeriod >= TimeSpan.Zero && o.GracePeriod <= RotationOptions.LongestGrace, "Rotation:GracePeriod must be 0 to 30 days, such as 1.00:00:00 for 24 hours.")
            .Validate(o => o.SweepInterval >= TimeSpan.FromSeconds(1) && o.SweepInterval <= TimeSpan.FromDays(1), "Rotation:SweepInterval must be 1 second to 1 day, such as 00:01:00.")
            .Validate(o => o.QuietPeriod >= TimeSpan.Zero && o.QuietPeriod <= RotationOptions.LongestGrace, "Rotation:QuietPeriod must be 0 to 30 days, such as 01:00:00.")
            .ValidateOnStart();
        services.AddSingleton<StartRotation>().AddSingleton<SkipVerification>().AddSingleton<VerifyPending>().AddSingleton<PendingProbe>();
        services.AddSingleton<PromotePending>().AddSingleton<RollBack>().AddSingleton<RetireVersion>().AddSingleton<DiscardPending>();
        services.AddSingleton<RotationQuery>().AddSingleton<ImpactQuery>().AddSingleton<ProviderQuery>().AddSingleton<RotationListQuery>();
        services.AddSingleton<LedgerEvidence>();
        services.AddJob<RetireOverdueJob>();
        return services;
    }

    public static void ScheduleRotation(this IServiceProvider services) =>
        services.Every<RetireOverdueJob>(services.GetRequiredService<IOptions<RotationOptions>>().Value.SweepInterval);

    public sealed record StartBody(bool? SkipVerify, string? SkipVerifyReason, string? ExpiresAt);

    /// <summary>The same with the values, for the document only: values are read apart and never become text.</summary>
    public sealed record StartDocument(IReadOnlyDictionary<string, string> Fields, bool? SkipVerify, string? SkipVerifyReason, string? ExpiresAt);

    public sealed record VerifyBody(string? Tool, string? Path);

    public sealed record PromoteBody(JsonElement? Grace);

    public sealed record RetireBody(bool? Force);

    public static void MapRotation(this RouteGroupBuilder api)
    {
        api.MapGet("/workspaces/{ws}/credentials/{name}/impact", async (string ws, string name, ImpactQuery impact, HttpContext context) =>
            ApiResults.Of(await impact.RunAsync(context.Caller(), ws, name, context.RequestAborted), Shape))
            .WithTags("Rotation").WithSummary("Whom a rotation touches: tools that reference the credential, agents and workflows that reach them or stand in its scope, and when each last used it.");
        var group = api.MapGroup("/workspaces/{ws}/credentials/{name}/rotation").WithTags("Rotation");
        group.MapGet("", (string ws, string name, RotationQuery query, HttpContext context) => AnswerAsync(context, ws, name, query)).WithSummary("The rotation, where it is now.");
        group.MapPost("", StartAsync).Accepts<StartDocument>("application/json").WithSummary("Open a rotation: the new value becomes a pending version.");
        group.MapPost("/verify", async (string ws, string name, [FromBody] VerifyBody? body, VerifyPending verify, RotationQuery query, HttpContext context) =>
        {
            var outcome = await verify.ExecuteAsync(context.Caller(), ws, name, new VerifyPending.Input(body?.Tool, body?.Path), context.RequestAborted);
            return outcome.Failed(out var problem, out var answer) ? ApiResults.Of(problem) : await AnswerAsync(context, ws, name, query, verify: answer);
        }).WithSummary("Try the pending value with one read-only call through a tool.");
        group.MapPost("/promote", async (string ws, string name, [FromBody] PromoteBody? body, PromotePending promote, RotationQuery query, HttpContext context) =>
            Grace.Read(body?.Grace).Failed(out var problem, out var grace)
                ? ApiResults.Of(problem)
                : await AnswerAsync(context, ws, name, query, await promote.ExecuteAsync(context.Caller(), ws, name, new PromotePending.Input(grace), context.RequestAborted)))
            .WithSummary("Swap: every call that starts after the answer uses the new version. Grace is a span such as 01:00:00 or a number of seconds.");
        group.MapPost("/rollback", async (string ws, string name, RollBack rollBack, RotationQuery query, HttpContext context) =>
            await AnswerAsync(context, ws, name, query, await rollBack.ExecuteAsync(context.Caller(), ws, name, new RollBack.Input(), context.RequestAborted))).WithSummary("Within the grace period: the old version comes back and the new one is destroyed.");
        group.MapPost("/retire", async (string ws, string name, [FromBody] RetireBody? body, RetireVersion retire, RotationQuery query, HttpContext context) =>
            await AnswerAsync(context, ws, name, query, await retire.ExecuteAsync(context.Caller(), ws, name, new RetireVersion.Input(body?.Force ?? false), context.RequestAborted)))
            .WithSummary("Retire the old version now. Without force the rules of the grace period hold.");
        group.MapDelete("", async (string ws, string name, DiscardPending discard, RotationQuery query, HttpContext context) =>
            await AnswerAsync(context, ws, name, query, await discard.ExecuteAsync(context.Caller(), ws, name, new DiscardPending.Input(), context.RequestAborted))).WithSummary("Give the rotation up before the swap; the pending value is destroyed.");
    }

    private static async Task<IResult> StartAsync(string ws, string name, StartRotation start, RotationQuery query, HttpContext context)
    {
        if ((await SecretJson.ReadAsync(context.Request, context.RequestAborted)).Failed(out var problem, out var json)) return ApiResults.Of(problem);
        using (json)
        {
            if (json.Read<StartBody>().Failed(out problem, out var body)) return ApiResults.Of(problem);
            var input = new StartRotation.Input(json.Fields, null, body.SkipVerify ?? false, body.SkipVerifyReason, body.ExpiresAt);
            var outcome = await start.ExecuteAsync(context.Caller(), ws, name, input, context.RequestAborted);
            return outcome.Failed(out problem, out var started) ? ApiResults.Of(problem)
                : await AnswerAsync(context, ws, name, query, status: StatusCodes.Status201Created, warning: started.Warning);
        }
    }

    private static async Task<IResult> AnswerAsync(HttpContext context, string ws, string name, RotationQuery query, Outcome<Done> move = default, int status = StatusCodes.Status200OK,
        ProbeAnswer? verify = null, string? warning = null)
    {
        if (move.Failed(out var problem)) return ApiResults.Of(problem);
        if ((await query.RunAsync(context.Caller(), ws, name, null, context.RequestAborted)).Failed(out problem, out var view)) return ApiResults.Of(problem);
        if (view.Rotation is null) return ApiResults.Of(Problem.NotFound("rotation"));
        var shape = Shape(view, view.Rotation);
        if (verify is not null) shape["verify"] = new { result = verify.Result.Word(), note = verify.Note };
        if (warning is not null) shape["warnings"] = new[] { warning };
        return ApiResults.Ok(shape, status);
    }

    private static object Shape(ImpactQuery.View impact) => new
    {
        calls_24h = impact.Calls24H,
        Consumers = impact.Rows.Select(r => new { Kind = r.Kind.ToString().ToLowerInvariant(), r.Name, r.References, LastUsedAt = r.LastUse?.UtcDateTime, r.RecentCalls }),
    };

    private static Dictionary<string, object?> Shape(RotationQuery.View view, RotationQuery.RotationRow rotation) => new()
    {
        ["id"] = rotation.Id,
        ["state"] = rotation.State.Word(),
        ["step"] = rotation.State == RotationState.Retired ? 4 : view.Step,
        ["pending"] = view.Pending?.Number,
        ["active"] = view.Active?.Number,
        ["retiring"] = view.Retiring?.Number,
        ["retire_at"] = rotation.RetireAt,
        ["holds"] = view.Retirement?.Holds.Select(h => h.Name()).ToList() ?? [],
        ["counts"] = new { active = view.Active?.Calls ?? 0, retiring = view.Retiring?.Calls ?? 0 },
        ["verified"] = view.Pending?.Verified?.Word(),
        ["started_by"] = rotation.StartedBy,
        ["started_at"] = rotation.StartedAt,
        ["promoted_at"] = rotation.PromotedAt,
        ["ended_at"] = rotation.EndedAt,
    };
}
