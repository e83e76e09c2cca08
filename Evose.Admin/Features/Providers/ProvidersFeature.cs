using System.Text.Json;
using System.Text.Json.Nodes;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Platform.Api;
using Evose.Admin.Platform.Providers;
using Evose.Admin.Platform.Web;

namespace Evose.Admin.Features.Providers;

/// <summary>Wires the catalogue's page and REST surface.</summary>
public static class ProvidersFeature
{
    // What a read adds to the record; a write takes it back unread, except the revision that was seen.
    private static readonly string[] Added = ["origin", "changed_at", "changed_by", "place", "tampered"];

    public static IServiceCollection AddProviders(this IServiceCollection services) => services.AddSingleton<ProviderListQuery>().AddSingleton<SaveProvider>().AddSingleton<DeleteProvider>();

    public static void MapProviders(this RouteGroupBuilder api)
    {
        api = api.MapGroup("").WithTags("Providers");
        api.MapGet("/providers", async (string? q, int? limit, string? cursor, ProviderListQuery list, HttpContext context) =>
            ApiResults.Of(await list.PageAsync(context.Caller(), q, limit, cursor, context.RequestAborted), p => p.Select(Shape))).WithSummary("List the services that are known: where a key goes, how it is checked, how a new one is made.");
        api.MapGet("/providers/{id}", async (string id, ProviderListQuery list, HttpContext context) => ApiResults.Of(await list.OneAsync(context.Caller(), id, context.RequestAborted), Shape)).WithSummary("One service.");
        api.MapPut("/providers/{id}", async (string id, JsonElement body, SaveProvider save, ProviderListQuery list, HttpContext context) =>
        {
            if (Read(body).Failed(out var malformed, out var given)) return ApiResults.Of(malformed);
            if ((await save.ExecuteAsync(context.Caller(), new SaveProvider.Input(id, given.Json, given.Revision), context.RequestAborted)).Failed(out var problem, out var saved)) return ApiResults.Of(problem);
            return ApiResults.Of(await list.OneAsync(context.Caller(), id, context.RequestAborted), Shape, saved.Created ? StatusCodes.Status201Created : StatusCodes.Status200OK);
        }).Accepts<ProviderRecord>("application/json").WithSummary("Create or replace a record of the organization's own; with a built-in id it stands before that.");
        api.MapDelete("/providers/{id}", async (string id, bool? even_if_used, DeleteProvider delete, HttpContext context) =>
            (await delete.ExecuteAsync(context.Caller(), new DeleteProvider.Input(id, even_if_used == true), context.RequestAborted)).Failed(out var problem) ? ApiResults.Of(problem) : Results.NoContent()).WithSummary("Delete an own record; one that credentials name only with even_if_used=true.");
    }

    private static Outcome<(string Json, int? Revision)> Read(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object) return Problem.Malformed("A provider is a JSON object.");
        int? revision = null;
        if (body.TryGetProperty("revision", out var seen))
        {
            if (seen.ValueKind != JsonValueKind.Number || !seen.TryGetInt32(out var number) || number < 0) return Problem.Invalid("revision", "The revision is a whole number, as read.");
            revision = number;
        }
        using var record = new MemoryStream();
        using (var writer = new Utf8JsonWriter(record))
        {
            writer.WriteStartObject();
            foreach (var member in body.EnumerateObject())
                if (member.Name != "revision" && !Added.Contains(member.Name)) member.WriteTo(writer);
            writer.WriteEndObject();
        }
        return (System.Text.Encoding.UTF8.GetString(record.GetBuffer(), 0, (int)record.Length), revision);
    }

    private static JsonObject Shape(ProviderEntry entry)
    {
        var shape = JsonSerializer.SerializeToNode(entry.Record, ProviderJson.Options)!.AsObject();
        shape["origin"] = JsonNamingPolicy.SnakeCaseLower.ConvertName(entry.Origin.ToString());
        shape["revision"] = entry.Revision;
        if (entry.ChangedAt is { } at) shape["changed_at"] = at.UtcDateTime;
        if (entry.ChangedBy is { } by) shape["changed_by"] = by;
        if (entry.Place is { } place) shape["place"] = place;
        if (entry.Tampered) shape["tampered"] = true;
        return shape;
    }
}
