using System.Data;
using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Access;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Domain.Calls;
using Evose.Admin.Domain.Consumers;
using Evose.Admin.Domain.Credentials;
using Evose.Admin.Domain.Hygiene;
using Evose.Admin.Domain.Leaks;
using Evose.Admin.Domain.Notifications;
using Evose.Admin.Domain.OAuth;
using Evose.Admin.Domain.Providers;
using Evose.Admin.Domain.Workspaces;
using Evose.Admin.Platform.Vault;
using Microsoft.AspNetCore.Identity.EntityFrameworkCore;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;

namespace Evose.Admin.Platform.Data;

/// <summary>One set per table: the map of the database. Every write goes through one gate and one transaction that keeps all other writers out.</summary>
public class AdminDb(DbContextOptions options, WriteGate gate, CatalogStamp catalogStamp) : IdentityUserContext<AdminUser, Guid>(options)
{
    private WriteTransaction? _write;

    public DbSet<Installation> Installations => Set<Installation>();
    public DbSet<KeyGeneration> KeyGenerations => Set<KeyGeneration>();
    public DbSet<Workspace> Workspaces => Set<Workspace>();
    public DbSet<Membership> Memberships => Set<Membership>();
    public DbSet<Invitation> Invitations => Set<Invitation>();
    public DbSet<Consumer> Consumers => Set<Consumer>();
    public DbSet<ConsumerLink> ConsumerLinks => Set<ConsumerLink>();
    public DbSet<Reference> References => Set<Reference>();
    public DbSet<Credential> Credentials => Set<Credential>();
    public DbSet<CredentialVersion> CredentialVersions => Set<CredentialVersion>();
    public DbSet<SealedField> SealedFields => Set<SealedField>();
    public DbSet<ValueFingerprint> ValueFingerprints => Set<ValueFingerprint>();
    public DbSet<LeakReport> LeakReports => Set<LeakReport>();
    public DbSet<LeakStep> LeakSteps => Set<LeakStep>();
    public DbSet<ScopeMember> ScopeMembers => Set<ScopeMember>();
    public DbSet<CredentialGrant> CredentialGrants => Set<CredentialGrant>();
    public DbSet<Rotation> Rotations => Set<Rotation>();
    public DbSet<TokenGrant> TokenGrants => Set<TokenGrant>();
    public DbSet<ConnectAttempt> ConnectAttempts => Set<ConnectAttempt>();
    public DbSet<StagedValue> StagedValues => Set<StagedValue>();
    public DbSet<OwnProvider> OwnProviders => Set<OwnProvider>();
    public DbSet<ApiKey> ApiKeys => Set<ApiKey>();
    public DbSet<CallRecord> Calls => Set<CallRecord>();
    public DbSet<CallCompletion> CallCompletions => Set<CallCompletion>();
    public DbSet<UsageHour> UsageHours => Set<UsageHour>();
    public DbSet<CallSegment> CallSegments => Set<CallSegment>();
    public DbSet<RetiredCalls> RetiredCalls => Set<RetiredCalls>();
    public DbSet<CallName> CallNames => Set<CallName>();
    public DbSet<UsageDay> UsageDays => Set<UsageDay>();
    public DbSet<UsageSource> UsageSources => Set<UsageSource>();
    public DbSet<CredentialUse> CredentialUses => Set<CredentialUse>();
    public DbSet<AuditEvent> AuditEvents => Set<AuditEvent>();
    public DbSet<ChainHead> ChainHeads => Set<ChainHead>();
    public DbSet<Notification> Notifications => Set<Notification>();
    public DbSet<NotificationChannel> NotificationChannels => Set<NotificationChannel>();
    public DbSet<Delivery> Deliveries => Set<Delivery>();
    public DbSet<NotificationSettings> NotificationSettings => Set<NotificationSettings>();
    public DbSet<HygieneFinding> HygieneFindings => Set<HygieneFinding>();
    public DbSet<HygieneLook> HygieneLooks => Set<HygieneLook>();
    public DbSet<JobRun> JobRuns => Set<JobRun>();
    public DbSet<IdempotencyRecord> IdempotencyRecords => Set<IdempotencyRecord>();

    /// <summary>
    /// Opens the one write transaction: what is read after this cannot change until commit, so decide after it. Everything a use case reads in order to decide
    /// must be read inside.
    /// </summary>
    public async Task<WriteTransaction> BeginWriteAsync(CancellationToken ct)
    {
        if (_write is not null) throw new InvalidOperationException("a write transaction is already open on this context");
        await gate.EnterAsync(ct);
        try
        {
            var transaction = await Database.BeginTransactionAsync(ct);
            if (Database.IsNpgsql()) await LockAsync(transaction, ct);
            return _write = new WriteTransaction(this, transaction);
        }
        catch
        {
            gate.Leave();
            throw;
        }
    }

    /// <summary>A transaction in which several reads see one state; it takes no write lock.</summary>
    public async Task<IDbContextTransaction> BeginReadAsync(CancellationToken ct)
    {
        if (Database.IsNpgsql())
        {
            var read = await Database.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
            await Database.ExecuteSqlRawAsync("SET TRANSACTION READ ONLY", ct);
            return read;
        }
        await Database.OpenConnectionAsync(ct);
        var transaction = ((SqliteConnection)Database.GetDbConnection()).BeginTransaction(deferred: true);
        return (await Database.UseTransactionAsync(transaction, ct))!;
    }

    // The first statement: what is read after it sees everything that was committed before, and nobody else commits until the end.
    private async Task LockAsync(IDbContextTransaction transaction, CancellationToken ct)
    {
        try
        {
            await Database.ExecuteSqlRawAsync(TakeWriter, ct);
        }
        catch (Exception e)
        {
            await transaction.DisposeAsync();
            if (e is PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable }) throw new TimeoutException("the database's writer is busy", e);
            throw;
        }
    }

    private static readonly string TakeWriter = string.Create(CultureInfo.InvariantCulture, $"SET LOCAL lock_timeout = '10s'; SELECT pg_advisory_xact_lock({(long)AdvisoryLock.Writer})");

    private static readonly string TakeStamp = string.Create(CultureInfo.InvariantCulture, $"SELECT pg_advisory_xact_lock({(long)AdvisoryLock.Stamp})");

    public override async Task<int> SaveChangesAsync(bool acceptAllChangesOnSuccess, CancellationToken cancellationToken = default)
    {
        if (_write is not null)
        {
            await StampAsync(_write, cancellationToken);
            return await base.SaveChangesAsync(acceptAllChangesOnSuccess, cancellationToken);
        }
        await using var write = await BeginWriteAsync(cancellationToken);
        return await write.CommitAsync(cancellationToken);
    }

    public override int SaveChanges(bool acceptAllChangesOnSuccess) => throw new NotSupportedException("use SaveChangesAsync");

    // What the data plane obeys takes the next stamp; see ICataloged. A version, field or scope row counts as a change of its credential.
    private async Task StampAsync(WriteTransaction write, CancellationToken ct)
    {
        ChangeTracker.DetectChanges();
        var changed = ChangeTracker.Entries().Where(e => e.State is EntityState.Added or EntityState.Modified or EntityState.Deleted).Select(e => e.Entity).ToList();
        var cataloged = changed.OfType<ICataloged>().ToHashSet();
        var owners = changed.OfType<CredentialVersion>().Select(v => v.CredentialId).Concat(changed.OfType<ScopeMember>().Select(m => m.CredentialId)).ToHashSet();
        if (owners.Count > 0) cataloged.UnionWith(ChangeTracker.Entries<Credential>().Select(e => e.Entity).Where(c => owners.Contains(c.Id)));
        var links = changed.OfType<ConsumerLink>().Select(l => l.FromId).ToHashSet();
        if (links.Count > 0) cataloged.UnionWith(ChangeTracker.Entries<Consumer>().Select(e => e.Entity).Where(c => links.Contains(c.Id)));
        if (cataloged.Count == 0) return;

        // Groups of the ledger that are under way end first; those that come wait, and see the new stamp.
        if (Database.IsNpgsql()) await Database.ExecuteSqlRawAsync(TakeStamp, ct);
        var next = await Database.SqlQueryRaw<long>("UPDATE installation SET stamp = stamp + 1 RETURNING stamp AS \"Value\"").ToListAsync(ct);
        foreach (var row in cataloged) row.Stamp = next[0];
        write.Stamp = next[0];
        // Sent by the server at commit.
        if (Database.IsNpgsql()) await Database.ExecuteSqlRawAsync("SELECT pg_notify({0}, {1})", [StampListener.Channel, next[0].ToString(CultureInfo.InvariantCulture)], ct);
    }

    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder)
    {
        base.ConfigureConventions(configurationBuilder);
        configurationBuilder.Properties<DateTimeOffset>().HaveConversion<InstantConverter>();
        configurationBuilder.Properties<Guid>().HaveConversion<BigEndianGuidConverter>();
    }

    protected override void OnModelCreating(ModelBuilder builder)
    {
        base.OnModelCreating(builder);
        builder.ApplyConfigurationsFromAssembly(typeof(AdminDb).Assembly);
        SnakeCase.Apply(builder);
    }

    /// <summary>The open write transaction. Disposed without commit, nothing happened.</summary>
    public sealed class WriteTransaction : IAsyncDisposable
    {
        private readonly AdminDb _db;
        private readonly IDbContextTransaction _transaction;
        private int _disposed;

        internal WriteTransaction(AdminDb db, IDbContextTransaction transaction) => (_db, _transaction) = (db, transaction);

        internal long Stamp { get; set; }

        /// <summary>Saves what is pending and commits; the number of rows saved.</summary>
        public async Task<int> CommitAsync(CancellationToken ct)
        {
            var rows = await _db.SaveChangesAsync(ct);
            await _transaction.CommitAsync(ct);
            _db.AdvanceStamp(Stamp);
            return rows;
        }

        public async ValueTask DisposeAsync()
        {
            // Once: a second release would let two writers in.
            if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
            _db._write = null;
            try
            {
                await _transaction.DisposeAsync();
            }
            finally
            {
                _db.LeaveGate();
            }
        }
    }

    private void AdvanceStamp(long stamp) => catalogStamp.Advance(stamp);

    private void LeaveGate() => gate.Leave();
}
