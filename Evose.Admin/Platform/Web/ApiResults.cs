using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Evose.Admin.Domain;

namespace Evose.Admin.Platform.Web;

/// <summary>The REST surface's answers: snake_case JSON, every one with a request id, problems in the platform's envelope.</summary>
public static class ApiResults
{
    public static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web)
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DictionaryKeyPolicy = null,
        Encoder = JavaScriptEncoder.Default,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>200 (or <paramref name="status"/>) with the value, or the problem's answer.</summary>
    public static IResult Of<T>(Outcome<T> outcome, Func<T, object?>? shape = null, int status = StatusCodes.Status200OK) =>
        outcome.Failed(out var problem, out var value) ? new ProblemResult(problem) : Ok(shape is null ? value : shape(value!), status);

    public static IResult Ok(object? value, int status = StatusCodes.Status200OK) => Results.Json(value, Json, statusCode: status);

    public static IResult Of(Problem problem) => new ProblemResult(problem);

    /// <param name="status">Where HTTP has a status of its own for this.</param>
    public static async Task WriteAsync(HttpContext context, Problem problem, int? status = null)
    {
        context.Response.StatusCode = status ?? Status(problem.Kind);
        if (problem.Kind == ProblemKind.Unauthorized) context.Response.Headers.WWWAuthenticate = "Bearer";
        if (problem.Kind is ProblemKind.Unavailable or ProblemKind.RateLimited) context.Response.Headers.RetryAfter = problem.Details?.GetValueOrDefault("retry_after") is int seconds ? seconds.ToString(System.Globalization.CultureInfo.InvariantCulture) : "5";
        await context.Response.WriteAsJsonAsync(
            new { request_id = context.TraceIdentifier, error = new { code = problem.Code, message = problem.Message, details = problem.Details ?? new Dictionary<string, object?>() } },
            Json, CancellationToken.None);
    }

    public static int Status(ProblemKind kind) => kind switch
    {
        ProblemKind.Malformed => 400,
        ProblemKind.Unauthorized => 401,
        ProblemKind.Forbidden => 403,
        ProblemKind.NotFound => 404,
        ProblemKind.Conflict => 409,
        ProblemKind.Invalid => 422,
        ProblemKind.RateLimited => 429,
        ProblemKind.UpstreamFailed => 502,
        ProblemKind.Unavailable => 503,
        ProblemKind.Bug => 500,
    };

    private sealed class ProblemResult(Problem problem) : IResult
    {
        public Task ExecuteAsync(HttpContext httpContext) => WriteAsync(httpContext, problem);
    }
}
