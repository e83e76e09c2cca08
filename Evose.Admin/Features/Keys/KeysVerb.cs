using System.Globalization;
using Evose.Admin.Domain;

namespace Evose.Admin.Features.Keys;

/// <summary><c>keys rotate</c> on the command line, beside running nodes or without them: 0 when no data key is under an older master key any more, 1 with the reason on standard error when not.</summary>
public static class KeysVerb
{
    public static IServiceCollection AddKeys(this IServiceCollection services) => services.AddSingleton<RotateMasterKey>();

    public static async Task<int> RotateAsync(IServiceProvider services, TextWriter output, TextWriter error, CancellationToken ct)
    {
        var done = await services.GetRequiredService<RotateMasterKey>().ExecuteAsync(Actor.Job("keys rotate"), ct);
        if (done.Failed(out var problem, out var report))
        {
            await error.WriteLineAsync($"The master key was not rotated: {problem.Message}");
            return 1;
        }
        await output.WriteLineAsync(string.Create(CultureInfo.InvariantCulture,
            $"{(report.Resumed ? "Finished an earlier rotation" : "Rotated")} to master key {report.Generation}: {report.Rewrapped} data keys wrapped anew in {report.Took.TotalSeconds:F1} s, longest write {report.LongestWrite.TotalMilliseconds:F0} ms."));
        return 0;
    }
}
