namespace Evose.Admin.Platform.Ledger;

/// <summary>Where groups of ledger entries become durable. Used by the one writer of the process.</summary>
public interface ILedgerStore : IDisposable
{
    /// <summary>Commits the group. Entries decided at another stamp than the database's are marked stale and not written. Throws, having written nothing or not knowing.</summary>
    ValueTask WriteAsync(IReadOnlyList<LedgerItem> batch);

    /// <summary>Forgets the connection after a failure; the next group opens a new one.</summary>
    void Reset();
}
