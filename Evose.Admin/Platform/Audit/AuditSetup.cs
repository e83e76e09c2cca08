using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Evose.Admin.Platform.Audit;

/// <summary>Wires the audit chain into every save, and its anchor. Before what writes the last rows at shutdown, because services stop in reverse order.</summary>
public static class AuditSetup
{
    public static IServiceCollection AddAuditTrail(this IServiceCollection services)
    {
        services.AddSingleton<ISaveChangesInterceptor, AuditChain>();
        services.AddSingleton<AuditAnchor>();
        services.AddHostedService(p => p.GetRequiredService<AuditAnchor>());
        return services;
    }
}
