using System.Collections.Concurrent;
using System.Data.Common;
using System.Reflection;
using System.Runtime.CompilerServices;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Ledger;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore.Diagnostics;
using SQLitePCL;

namespace Evose.Admin.Tests.Platform.Data;

/// <summary>
/// Listens to what SQLite itself executes, on every connection of the app: each writing statement must stand in a transaction that began IMMEDIATE, while the write gate is taken.
/// Registered as the kind of interceptor that the app picks up.
/// </summary>
public sealed class WriteTrace : DbConnectionInterceptor, ISaveChangesInterceptor
{
    private static readonly string[] Writing = ["INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER", "WITH"];

    private readonly ConditionalWeakTable<sqlite3, Transaction> _known = [];
    // SQLite keeps only a pointer to it.
    private readonly strdelegate_trace _listen;
    private WriteGate? _gate;
    private int _immediate, _writes, _ledgerWrites, _saves;

    public WriteTrace() => _listen = Listen;

    public ConcurrentQueue<string> Violations { get; } = new();

    public int Immediate => _immediate;

    public int Writes => _writes;

    public int LedgerWrites => _ledgerWrites;

    public int Saves => _saves;

    /// <summary>Judges from here on; what came before was the making of the schema.</summary>
    public void Begin(WriteGate gate) => _gate = gate;

    /// <summary>The journal is copied on a connection of its own, which exists once something was copied.</summary>
    public void Attach(JournalImport import)
    {
        var statements = typeof(JournalImport).GetField("_statements", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(import) ?? throw new InvalidOperationException("nothing was copied yet");
        Attach((SqliteConnection)statements.GetType().GetProperty("Connection")!.GetValue(statements)!);
    }

    public void Attach(SqliteConnection connection)
    {
        var handle = connection.Handle!;
        if (_known.TryGetValue(handle, out _)) return;
        var transaction = new Transaction();
        if (_known.TryAdd(handle, transaction)) raw.sqlite3_trace(handle, _listen, transaction);
    }

    public override void ConnectionOpened(DbConnection connection, ConnectionEndEventData eventData) => Attach((SqliteConnection)connection);

    public override Task ConnectionOpenedAsync(DbConnection connection, ConnectionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Attach((SqliteConnection)connection);
        return Task.CompletedTask;
    }

    public ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default)
    {
        if (_gate is null) return ValueTask.FromResult(result);
        Interlocked.Increment(ref _saves);
        if (eventData.Context!.Database.CurrentTransaction is null) Violations.Enqueue("saved without a transaction");
        if (!IsTaken(_gate)) Violations.Enqueue("saved outside of the gate");
        return ValueTask.FromResult(result);
    }

    private void Listen(object state, string sql)
    {
        var transaction = (Transaction)state;
        var text = sql.AsSpan().TrimStart();
        if (Begins(text, "BEGIN")) transaction.Kind = text.Contains("IMMEDIATE", StringComparison.OrdinalIgnoreCase) ? Kind.Immediate : Kind.Deferred;
        else if (Begins(text, "COMMIT") || (Begins(text, "ROLLBACK") && !Begins(text, "ROLLBACK TO"))) transaction.Kind = Kind.None;
        else if (_gate is { } gate && Array.Exists(Writing, Matches(text.ToString()))) Judge(transaction, gate, text);
    }

    private static Predicate<string> Matches(string text) => word => Begins(text, word);

    private void Judge(Transaction transaction, WriteGate gate, ReadOnlySpan<char> text)
    {
        Interlocked.Increment(ref _writes);
        var what = text[..Math.Min(text.Length, 60)].ToString();
        if (what.Contains("call_record", StringComparison.Ordinal)) Interlocked.Increment(ref _ledgerWrites);
        if (transaction.Kind == Kind.Immediate) Interlocked.Increment(ref _immediate);
        else Violations.Enqueue($"written in a transaction that is {transaction.Kind}: {what}");
        if (!IsTaken(gate)) Violations.Enqueue("written outside of the gate: " + what);
    }

    private static bool Begins(ReadOnlySpan<char> text, string word) => text.StartsWith(word, StringComparison.OrdinalIgnoreCase);

    private static bool IsTaken(WriteGate gate) => ((SemaphoreSlim)typeof(WriteGate).GetField("_one", BindingFlags.NonPublic | BindingFlags.Instance)!.GetValue(gate)!).CurrentCount == 0;

    private enum Kind
    {
        None,
        Deferred,
        Immediate,
    }

    private sealed class Transaction
    {
        public Kind Kind { get; set; }
    }
}
