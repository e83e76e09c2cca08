namespace Evose.Admin.Tests.Platform.Ledger;

/// <summary>A disk on which the journal cannot begin a file: where it would be made stands a directory. The app sees what a failing disk gives it, an error of the operating system.</summary>
internal sealed class FullDisk : IDisposable
{
    private readonly List<string> _blocked = [];

    public FullDisk(string dataDirectory)
    {
        var ledger = Path.Combine(dataDirectory, "ledger");
        var newest = Directory.GetFiles(ledger, "journal-*.log").Select(f => long.Parse(Path.GetFileNameWithoutExtension(f)["journal-".Length..], System.Globalization.CultureInfo.InvariantCulture)).DefaultIfEmpty(0).Max();
        for (var n = newest + 1; n < newest + 20; n++)
        {
            var path = Path.Combine(ledger, $"journal-{n:D10}.log");
            Directory.CreateDirectory(path);
            _blocked.Add(path);
        }
    }

    public void Empty()
    {
        foreach (var path in _blocked.Where(Directory.Exists)) Directory.Delete(path);
        _blocked.Clear();
    }

    public void Dispose() => Empty();
}
