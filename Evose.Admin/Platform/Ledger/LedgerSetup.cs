using Evose.Admin.Platform.Data;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Evose.Admin.Platform.Ledger;

/// <summary>Wires the record of uses.</summary>
public static class LedgerSetup
{
    public static IServiceCollection AddLedger(this IServiceCollection services, IConfiguration configuration)
    {
        services.TryAddSingleton(new LedgerMode(durable: true));
        services.AddSingleton<InFlightCalls>();
        if (DataOptions.IsPostgres(configuration))
        {
            services.AddSingleton<PostgresImport>();
            services.AddSingleton<ILedgerStore, PostgresLedgerStore>();
            services.AddHostedService<InFlightNews>();
        }
        else
        {
            services.AddSingleton<JournalImport>();
            services.AddSingleton<ILedgerStore, JournalStore>();
        }
        services.AddSingleton<UsageLedger>();
        services.AddSingleton<SourceSums>();
        services.AddHostedService(p => p.GetRequiredService<UsageLedger>());
        return services;
    }
}
