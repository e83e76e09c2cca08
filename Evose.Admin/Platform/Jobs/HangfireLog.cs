using Hangfire.Logging;
using LogLevel = Hangfire.Logging.LogLevel;

namespace Evose.Admin.Platform.Jobs;

/// <summary>Hangfire's log. Hangfire keeps it in a static field, where it outlives the app it was made for; then it says nothing instead of failing.</summary>
internal sealed class HangfireLog(ILoggerFactory loggers) : ILogProvider
{
    public ILog GetLogger(string name)
    {
        try
        {
            return new Log(loggers.CreateLogger(name));
        }
        catch (ObjectDisposedException)
        {
            return new Log(null);
        }
    }

    private sealed class Log(ILogger? logger) : ILog
    {
        bool ILog.Log(LogLevel logLevel, Func<string>? messageFunc, Exception? exception)
        {
            if (logger is null) return false;
            var level = Of(logLevel);
            if (messageFunc is null) return logger.IsEnabled(level);
#pragma warning disable CA1848, CA2254 // Another library's words, as they come.
            if (logger.IsEnabled(level)) logger.Log(level, exception, messageFunc());
#pragma warning restore CA1848, CA2254
            return true;
        }

        private static Microsoft.Extensions.Logging.LogLevel Of(LogLevel level) => level switch
        {
            LogLevel.Trace => Microsoft.Extensions.Logging.LogLevel.Trace,
            LogLevel.Debug => Microsoft.Extensions.Logging.LogLevel.Debug,
            LogLevel.Info => Microsoft.Extensions.Logging.LogLevel.Information,
            LogLevel.Warn => Microsoft.Extensions.Logging.LogLevel.Warning,
            LogLevel.Error => Microsoft.Extensions.Logging.LogLevel.Error,
            LogLevel.Fatal => Microsoft.Extensions.Logging.LogLevel.Critical,
        };
    }
}
