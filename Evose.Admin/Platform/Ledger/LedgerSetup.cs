using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Evose.Admin.Platform.Ledger;

/// <summary>Wires the record of uses.</summary>
public static class LedgerSetup
{
    public static IServiceCollection AddLedger(this IServiceCollection services)
    {
        services.TryAddSingleton(new LedgerMode(durable: true));
        services.AddSingleton<InFlightCalls>();
        services.AddSingleton<JournalImport>();
        services.AddSingleton<ILedgerStore, JournalStore>();
        services.AddSingleton<UsageLedger>();
        services.AddHostedService(p => p.GetRequiredService<UsageLedger>());
        return services;
    }
}
