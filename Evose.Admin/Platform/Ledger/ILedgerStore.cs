namespace Evose.Admin.Platform.Ledger;

/// <summary>Where uses become durable. Called by the one writer of this process only.</summary>
public interface ILedgerStore : IDisposable
{
    /// <summary>Takes up where the last run ended; does nothing when it is open already. Throws while the vault is sealed.</summary>
    ValueTask OpenAsync(CancellationToken ct);

    /// <summary>
    /// Makes the group durable: sets each call's number, marks those decided at another stamp than the present one as stale and leaves them out. Throws, and then none of it
    /// counts: <see cref="IOException"/>, <see cref="TimeoutException"/>, <see cref="System.Data.Common.DbException"/>.
    /// </summary>
    ValueTask WriteAsync(IReadOnlyList<LedgerItem> group);

    /// <summary>Forgets connections and files after a failure; the next group opens them anew.</summary>
    void Reset();

    /// <summary>Returns when everything written before the call can be queried, or false after 2 s.</summary>
    ValueTask<bool> CaughtUpAsync(CancellationToken ct);

    /// <summary>Makes everything queryable; at the end of the app.</summary>
    ValueTask FlushAsync();
}
