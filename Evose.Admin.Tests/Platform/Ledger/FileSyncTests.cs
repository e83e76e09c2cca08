using Evose.Admin.Platform.Ledger;

namespace Evose.Admin.Tests.Platform.Ledger;

/// <summary>The sync of a file's data: it returns, or says that it could not.</summary>
public sealed class FileSyncTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("evose-sync-").FullName;

    public void Dispose() => Directory.Delete(_directory, true);

    [Fact]
    public void A_file_of_the_disk_is_synced()
    {
        using var file = File.OpenHandle(Path.Combine(_directory, "data"), FileMode.CreateNew, FileAccess.ReadWrite);
        RandomAccess.Write(file, "recorded"u8, 0);
        FileSync.Data(file);
    }

    [Fact]
    public void What_cannot_be_synced_is_told_with_the_systems_own_words_and_without_a_place()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("what cannot be synced differs by system");
        using var file = File.OpenHandle("/dev/null", FileMode.Open, FileAccess.Write);
        Assert.Equal("Invalid argument", Assert.Throws<IOException>(() => FileSync.Data(file)).Message);
    }

    [Fact]
    public void A_file_that_was_closed_is_no_success()
    {
        var file = File.OpenHandle(Path.Combine(_directory, "data"), FileMode.CreateNew, FileAccess.ReadWrite);
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => FileSync.Data(file));
    }
}
