using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Platform.Providers;

namespace Evose.Admin.Features.Providers;

/// <summary>What a record says, in a few words.</summary>
internal static class ProviderWords
{
    public static string Called(ProviderOrigin origin) => origin switch
    {
        ProviderOrigin.BuiltIn => "built in",
        ProviderOrigin.Own => "own",
        ProviderOrigin.Override => "own, instead of built in",
    };

    public static string Placement(ProviderRecord r)
    {
        if (r.Signing != SigningScheme.None) return "signs each request";
        var places = r.Inputs.Where(i => i.Place is not (FieldPlace.None or FieldPlace.BasicUser or FieldPlace.BasicPassword)).Select(i => i.Place switch
        {
            FieldPlace.Header => $"{i.At}: {(i.Format ?? "{}").Replace("{}", "…", StringComparison.Ordinal)}",
            FieldPlace.Query => $"query value {i.At}",
            _ => $"body member {i.At}",
        }).ToList();
        if (r.IsBasic) places.Insert(0, "HTTP Basic");
        return places.Count == 0 ? "where a placeholder stands" : string.Join("; ", places);
    }
}
