using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Evose.Admin.Platform.Web;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Shell;

/// <summary><c>/health/live</c>: the process answers. <c>/health/ready</c>: it can also do its work; 503 while sealed, without its database, or about to stop.</summary>
public static class Health
{
    public static void MapHealth(this WebApplication app)
    {
        app.MapGet("/health/live", () => Results.Json(new { status = "live" })).AllowAnonymous().WithTags("Health").WithSummary("200: the process answers.");
        app.MapGet("/health/ready", async (ShutdownNotice notice, SecretVault vault, IDbContextFactory<AdminDb> dbs, CancellationToken ct) =>
        {
            if (notice.IsGiven) return Answer("stopping");
            if (vault.IsSealed) return Answer("sealed");
            try
            {
                await using var db = await dbs.CreateDbContextAsync(ct);
                return await db.Installations.AnyAsync(ct) ? Results.Json(new { status = "ready" }) : Answer("no_database");
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                return Answer("no_database");
            }
        }).AllowAnonymous().WithTags("Health").WithSummary("200: it can also do its work; 503 while sealed or without its database.");
    }

    private static IResult Answer(string reason) => Results.Json(new { status = "not_ready", reason }, statusCode: StatusCodes.Status503ServiceUnavailable);
}
