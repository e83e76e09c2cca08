namespace Evose.Admin.Platform.Data;

/// <summary>On SQLite, empties the write-ahead log after a value was destroyed, so that its bytes are in no file. To be called after the commit, outside of the write transaction. Owed until it succeeded; the sweep tries again.</summary>
public sealed class Erasure(WriteGate gate, Sqlite? sqlite = null)
{
    private const int Attempts = 20;

    // What a killed process still owed is not known, so the first sweep pays it.
    private int _owed = 1;

    public Task NowAsync()
    {
        Volatile.Write(ref _owed, 1);
        return IfOwedAsync();
    }

    /// <summary>For what is over at its issuer too and goes many times a minute: the next sweep does it.</summary>
    public void Soon() => Volatile.Write(ref _owed, 1);

    /// <summary>Not cancellable: whoever destroyed a value may be gone before its bytes are.</summary>
    public async Task IfOwedAsync()
    {
        // PostgreSQL keeps its log and dead rows for as long as its operator says; nothing here can shorten that.
        if (sqlite is null) return;
        for (var i = 0; i < Attempts && Volatile.Read(ref _owed) == 1; i++)
        {
            // A reader of this moment can stand in the way.
            if (i > 0) await Task.Delay(TimeSpan.FromMilliseconds(20));
            // Still owed then; the value is destroyed already, so this is no failure of the caller.
            if (!await gate.TryEnterAsync(TimeSpan.FromSeconds(10), CancellationToken.None)) return;
            try
            {
                if (sqlite.Checkpoint()) Volatile.Write(ref _owed, 0);
            }
            finally
            {
                gate.Leave();
            }
        }
    }
}
