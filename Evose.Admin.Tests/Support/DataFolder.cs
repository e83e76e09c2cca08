namespace Evose.Admin.Tests.Support;

/// <summary>A directory that a test gives an app, also to one after the other; it goes with the test.</summary>
public sealed class DataFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("evose-test-").FullName;

    public void Dispose() => Delete(Path);

    /// <summary>Deletes a directory with what is in it. A file of the app that is closed at this very moment may come back meanwhile; that is no reason for a test to fail.</summary>
    public static void Delete(string directory)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.Delete(directory, true);
                return;
            }
            catch (IOException) when (attempt < 20)
            {
                Task.Delay(50).GetAwaiter().GetResult();
            }
        }
    }
}
