namespace Evose.Admin.Platform.Catalog;

/// <summary>Wires the data plane's memory.</summary>
public static class CatalogSetup
{
    public static IServiceCollection AddCatalog(this IServiceCollection services) => services.AddSingleton<CredentialCatalog>();
}
