using System.Security.Cryptography;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Web;

namespace Evose.Admin.Shell;

/// <summary>A page that fails takes only itself down; the reference it shows is the one in the log.</summary>
public sealed partial class PageBoundary : ErrorBoundary
{
    [Inject] public required ILogger<PageBoundary> Log { get; init; }

    public string? Reference { get; private set; }

    protected override Task OnErrorAsync(Exception exception)
    {
        Reference = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(6));
        LogFailed(Log, Reference, exception);
        return Task.CompletedTask;
    }

    [LoggerMessage(LogLevel.Error, "A page failed, reference {Reference}.")]
    private static partial void LogFailed(ILogger logger, string reference, Exception exception);
}
