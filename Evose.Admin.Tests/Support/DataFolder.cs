namespace Evose.Admin.Tests.Support;

/// <summary>A directory that a test gives an app, also to one after the other; it goes with the test.</summary>
public sealed class DataFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("evose-test-").FullName;

    public void Dispose() => Delete(Path);

    /// <summary>Every file that holds something, read while the app runs. SQLite takes its log away with the last connection, and what was in it is in the file then: all are read anew.</summary>
    public static IReadOnlyList<(string File, byte[] Bytes)> Read(string directory, string pattern = "*")
    {
        while (true)
        {
            try
            {
                // An empty one is skipped: the lock of a directory holds nothing and cannot be opened while the app runs.
                return [.. new DirectoryInfo(directory).EnumerateFiles(pattern, SearchOption.AllDirectories).Where(f => f.Length > 0).Select(f => (f.FullName, Read(f)))];
            }
            catch (FileNotFoundException)
            {
                // Gone since it was listed.
            }
        }
    }

    private static byte[] Read(FileInfo file)
    {
        using var stream = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

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
