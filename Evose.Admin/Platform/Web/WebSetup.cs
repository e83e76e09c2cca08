using Microsoft.Extensions.Options;

namespace Evose.Admin.Platform.Web;

/// <summary>Wires what the web server needs beside pages: limits, JSON, log floors.</summary>
public static class WebSetup
{
    internal static readonly string[] NeverBelowWarning =
        ["Microsoft.AspNetCore.SignalR", "Microsoft.AspNetCore.Components", "Microsoft.AspNetCore.Http.Connections", "Microsoft.EntityFrameworkCore", "System.Net.Http", "Yarp.ReverseProxy"];

    // Whole addresses, with the values a tool puts into its query, and the tokens of set-up and invitation links; a scope and an activity for every call besides.
    internal static readonly string[] Silent = ["Yarp", "Microsoft.AspNetCore.Hosting.Diagnostics"];

    /// <summary>Sets the floors for all providers and once more for each one that the configuration names: a rule with a provider beats any without.</summary>
    internal static void Floor(LoggerFilterOptions options)
    {
        var providers = options.Rules.Select(r => r.ProviderName).Append(null).Distinct().ToList();
        foreach (var (categories, floor) in new[] { (NeverBelowWarning, LogLevel.Warning), (Silent, LogLevel.None) })
        {
            foreach (var category in categories)
            {
                foreach (var rule in options.Rules.Where(r => r.CategoryName?.StartsWith(category, StringComparison.OrdinalIgnoreCase) == true && r.LogLevel < floor).ToList()) options.Rules.Remove(rule);
                foreach (var provider in providers) options.Rules.Add(new LoggerFilterRule(provider, category, floor, null));
            }
        }
    }

    public static WebApplicationBuilder AddWeb(this WebApplicationBuilder builder)
    {
        // The address that the documentation names, unless somebody names another in any of the framework's ways.
        if (Array.TrueForAll(["urls", "http_ports", "https_ports"], key => string.IsNullOrEmpty(builder.Configuration[key])) && !builder.Configuration.GetSection("Kestrel:Endpoints").Exists())
            builder.WebHost.UseUrls("http://localhost:5080");
        // Run from its sources, styles and scripts lie in other folders, and outside of Development the framework would answer 200 with nothing. A published app has no such list.
        builder.WebHost.UseStaticWebAssets();
        // A connection keeps 4 KiB while nothing comes. Asking the kernel first and taking memory then is one more system call and turn of the event loop for each request.
        // What a connection does goes straight to the pool, where the record's writer gathers the calls, and not through a queue of the transport's before it.
        builder.WebHost.UseSockets(o => (o.WaitForDataBeforeAllocatingBuffer, o.IOQueueCount) = (false, 0));
        builder.WebHost.ConfigureKestrel(k =>
        {
            k.AddServerHeader = false;
            k.Limits.MaxRequestBodySize = 1024 * 1024;
        });
        builder.Services.ConfigureHttpJsonOptions(o =>
        {
            o.SerializerOptions.PropertyNamingPolicy = ApiResults.Json.PropertyNamingPolicy;
            o.SerializerOptions.DictionaryKeyPolicy = null;
            o.SerializerOptions.UnmappedMemberHandling = ApiResults.Json.UnmappedMemberHandling;
            foreach (var converter in ApiResults.Json.Converters) o.SerializerOptions.Converters.Add(converter);
        });
        builder.Services.AddOptions<ShutdownOptions>().Bind(builder.Configuration.GetSection(ShutdownOptions.Section))
            .Validate(o => o.Notice >= TimeSpan.Zero && o.Patience >= TimeSpan.Zero, "Shutdown:Notice and Shutdown:Patience must not be below zero.").ValidateOnStart();
        builder.Services.AddOptions<HostOptions>().Configure<IOptions<ShutdownOptions>>((host, o) => host.ShutdownTimeout = o.Value.Notice + o.Value.Patience);
        builder.Services.AddSingleton<ShutdownNotice>();
        builder.Services.AddHostedService(p => p.GetRequiredService<ShutdownNotice>());
        builder.Services.AddSingleton<OneTimeTickets>();
        builder.Services.AddAntiforgery(o => o.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest);
        builder.Services.Configure<RouteHandlerOptions>(o => o.ThrowOnBadRequest = true);
        // At these levels the framework prints what people type and what rows hold; no configuration may lower them.
        builder.Services.PostConfigure<LoggerFilterOptions>(Floor);
        return builder;
    }
}
