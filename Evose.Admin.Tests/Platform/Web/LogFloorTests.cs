using Evose.Admin.Platform.Web;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Evose.Admin.Tests.Platform.Web;

public sealed class LogFloorTests
{
    [Theory]
    [InlineData("Logging:LogLevel:Default")]
    [InlineData("Logging:Capture:LogLevel:Default")]
    [InlineData("Logging:LogLevel:Microsoft.AspNetCore.SignalR")]
    [InlineData("Logging:Capture:LogLevel:Yarp.ReverseProxy.Forwarder.HttpForwarder")]
    [InlineData("Logging:Capture:LogLevel:Microsoft.EntityFrameworkCore.Database.Command")]
    public void No_configuration_makes_the_framework_print_what_people_type_or_where_calls_go(string setting)
    {
        var services = new ServiceCollection();
        var capture = new Capture();
        services.AddLogging(l => l.AddConfiguration(new ConfigurationBuilder().AddInMemoryCollection([new(setting, "Trace")]).Build().GetSection("Logging")).AddProvider(capture));
        services.PostConfigure<LoggerFilterOptions>(WebSetup.Floor);
        using var provider = services.BuildServiceProvider();
        var loggers = provider.GetRequiredService<ILoggerFactory>();
        foreach (var category in (string[])["Microsoft.AspNetCore.SignalR.Internal.DefaultHubDispatcher", "Microsoft.EntityFrameworkCore.Database.Command", "System.Net.Http.HttpClient.x"])
            Assert.False(loggers.CreateLogger(category).IsEnabled(LogLevel.Information), category);
        foreach (var category in (string[])["Yarp.ReverseProxy.Forwarder.HttpForwarder", "Microsoft.AspNetCore.Hosting.Diagnostics"])
            Assert.False(loggers.CreateLogger(category).IsEnabled(LogLevel.Critical), category);
        Assert.True(loggers.CreateLogger("Evose.Admin.Anything").IsEnabled(LogLevel.Warning));
    }

    [ProviderAlias("Capture")]
    private sealed class Capture : ILoggerProvider
    {
        public ILogger CreateLogger(string categoryName) => new Always();

        public void Dispose() { }

        private sealed class Always : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) { }
        }
    }
}
