using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Npgsql;

namespace Evose.Admin.Platform.Data;

/// <summary>Opens plain PostgreSQL connections for what does not go through EF: the ledger, listening, locks that outlive a transaction.</summary>
public sealed class Postgres(string connectionString) : IAsyncDisposable
{
    // Closed for good when disposed, so that the locks of a session end with it.
    private readonly NpgsqlDataSource _own = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, MaxAutoPrepare = 32, AutoPrepareMinUsages = 2 }.ConnectionString);

    /// <inheritdoc cref="OpenOwnAsync"/>
    public NpgsqlConnection OpenOwn() => _own.OpenConnection();

    /// <inheritdoc cref="OpenOwnAsync"/>
    /// <remarks><see cref="TimeoutException"/> when it takes longer than this.</remarks>
    public NpgsqlConnection OpenOwn(TimeSpan patience)
    {
        using var limit = new CancellationTokenSource(patience);
        try
        {
            return _own.OpenConnectionAsync(limit.Token).AsTask().GetAwaiter().GetResult();
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException("the database does not answer", e);
        }
    }

    /// <summary>A connection that no pool keeps: its session ends when it is disposed, and with it its locks.</summary>
    public ValueTask<NpgsqlConnection> OpenOwnAsync(CancellationToken ct) => _own.OpenConnectionAsync(ct);

    /// <summary>Waits for a lock that one session of the whole installation holds until it is disposed.</summary>
    public async Task<IAsyncDisposable> LockAsync(AdvisoryLock kind, CancellationToken ct)
    {
        var connection = await OpenOwnAsync(ct);
        try
        {
            await using var command = new NpgsqlCommand(string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_lock({(long)kind})"), connection) { CommandTimeout = 120 };
            await command.ExecuteNonQueryAsync(ct);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>The lock of that name, held until disposed; null when another session has it.</summary>
    public async Task<IAsyncDisposable?> TryLockAsync(AdvisoryLock kind, string name, CancellationToken ct)
    {
        var connection = await OpenOwnAsync(ct);
        try
        {
            await using var command = new NpgsqlCommand("SELECT pg_try_advisory_lock($1, hashtext($2))", connection) { Parameters = { new() { Value = (int)kind }, new() { Value = name } } };
            if (await command.ExecuteScalarAsync(ct) is true) return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
        await connection.DisposeAsync();
        return null;
    }

    public ValueTask DisposeAsync() => _own.DisposeAsync();
}

/// <summary>Numbers of the advisory locks. Every node of an installation must use the same ones: never change them.</summary>
public enum AdvisoryLock
{
    /// <summary>The one writer: held by every write transaction of <see cref="AdminDb"/>.</summary>
    Writer = 0x45564F31,

    /// <summary>Taken alone before the stamp grows, shared by every group of the ledger: a group is committed before the change or sees it.</summary>
    Stamp = 0x45564F32,

    /// <summary>One node at a time migrates and makes the first keys.</summary>
    Start = 0x45564F33,

    /// <summary>First of two numbers; the second is the ledger's lane.</summary>
    Lane = 0x45564F34,

    /// <summary>First of two numbers; the second is the hash of a job's name.</summary>
    Job = 0x45564F35,

    /// <summary>First of two numbers; the second is the lane whose frames are being copied into the tables.</summary>
    Copy = 0x45564F36,
}

/// <summary>The same model on PostgreSQL, with migrations of its own. Text sorts by its bytes, as in SQLite.</summary>
public sealed class PostgresAdminDb(DbContextOptions<PostgresAdminDb> options, WriteGate gate, CatalogStamp catalogStamp) : AdminDb(options, gate, catalogStamp)
{
    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        foreach (var property in builder.Model.GetEntityTypes().SelectMany(e => e.GetProperties()))
            if ((property.GetProviderClrType() ?? property.GetValueConverter()?.ProviderClrType ?? property.ClrType) == typeof(string)) property.SetCollation("C");
        // Cut by month; an index that is unique over all parts would have to hold what they are cut by. The lane's one writer keeps positions unique, and verification would tell.
        foreach (var cut in new[] { typeof(Domain.Calls.CallRecord), typeof(Domain.Calls.CallCompletion) })
            foreach (var index in builder.Model.FindEntityType(cut)!.GetIndexes()) index.IsUnique = false;
        builder.Entity<KeyRingEntry>(b =>
        {
            b.HasKey(k => k.Id);
            b.Property(k => k.Id).ValueGeneratedNever();
        });
        builder.Entity<CallFrame>(b =>
        {
            b.HasKey(f => new { f.Lane, f.Position });
            b.Property(f => f.Position).ValueGeneratedNever();
        });
        SnakeCase.Apply(builder);
    }

    public DbSet<KeyRingEntry> KeyRing => Set<KeyRingEntry>();
}

/// <summary>A key of the ring that protects cookies, sealed, so that every node can read a cookie of any other.</summary>
public sealed class KeyRingEntry
{
    public Guid Id { get; init; }

    public byte[] Sealed { get; init; } = [];
}

/// <summary>A group of calls and completions of one lane, from its commit until it has been copied into the tables that are searched.</summary>
public sealed class CallFrame
{
    public int Lane { get; init; }

    /// <summary>Of its last row.</summary>
    public long Position { get; init; }

    /// <summary>As the journal of an installation on SQLite has it, its checksum seeded with the lane.</summary>
    public byte[] Frame { get; init; } = [];
}

/// <summary>Hands out the PostgreSQL context to whoever asks for the database.</summary>
internal sealed class PostgresFactory(IDbContextFactory<PostgresAdminDb> inner) : IDbContextFactory<AdminDb>
{
    public AdminDb CreateDbContext() => inner.CreateDbContext();

    public async Task<AdminDb> CreateDbContextAsync(CancellationToken cancellationToken = default) => await inner.CreateDbContextAsync(cancellationToken);
}
