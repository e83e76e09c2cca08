namespace Evose.Admin.Tests.Support;

/// <summary>The directory that a test gave an app.</summary>
public static class DataFolder
{
    /// <summary>Deletes it with what is in it. A file of the app that is closed at this very moment may come back meanwhile; that is no reason for a test to fail.</summary>
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
