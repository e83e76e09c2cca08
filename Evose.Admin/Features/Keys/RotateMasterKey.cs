using System.Globalization;
using Evose.Admin.Domain;
using Evose.Admin.Domain.Audit;
using Evose.Admin.Platform.Audit;
using Evose.Admin.Platform.Data;
using Evose.Admin.Platform.Vault;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using NpgsqlTypes;

namespace Evose.Admin.Features.Keys;

/// <summary>
/// Makes a new master key and wraps every data key under it, while the nodes go on sealing and opening. Values are not touched. What is done is in the rows themselves,
/// so a run that was killed is finished by the next one. Older master keys stay, wrapped, for what was made with them: MACs, fingerprints, API-key hashes.
/// </summary>
public sealed class RotateMasterKey(IDbContextFactory<AdminDb> dbs, SecretVault vault, Erasure erasure, TimeProvider clock)
{
    private const int BatchRows = 256;

    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1.5);

    /// <param name="Resumed">An earlier run had made the key and was not finished; no further one was made.</param>
    /// <param name="LongestWrite">The longest time in which no other writer could write.</param>
    public sealed record Report(int Generation, bool Resumed, long Rewrapped, TimeSpan Took, TimeSpan LongestWrite);

    public async Task<Outcome<Report>> ExecuteAsync(Actor actor, CancellationToken ct)
    {
        if (vault.IsSealed) return Problem.Sealed;
        if ((await BeginAsync(actor, ct)).Failed(out var refused, out var begun)) return refused;
        // Every node knows the key before one seals with it.
        while (vault.CurrentGeneration < begun.Generation)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), clock, ct);
            await using var db = await dbs.CreateDbContextAsync(ct);
            await KeyWatch.RenewAsync(db, vault, clock.GetUtcNow(), ct);
        }

        var began = clock.GetTimestamp();
        var (rewrapped, longest) = (0L, TimeSpan.Zero);
        // A node that learnt of it late may have sealed a last value under the old key: until a pass finds nothing.
        do
        {
            for (long inPass = -1; inPass != 0; rewrapped += inPass) (inPass, longest) = await PassAsync(begun.Generation, longest, ct);
            // The nodes notice the end of the lead within a second of each other.
            await Task.Delay(Settling, ct);
        }
        while (!await EndAsync(actor, begun.Generation, rewrapped, ct));
        // The old wrappings are in no file of ours any more.
        await erasure.NowAsync();
        return new Report(begun.Generation, begun.Resumed, rewrapped, clock.GetElapsedTime(began), longest);
    }

    private async Task<Outcome<(int Generation, bool Resumed)>> BeginAsync(Actor actor, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        var generations = await db.KeyGenerations.OrderBy(g => g.Generation).ToListAsync(ct);
        vault.Renew(generations, 0);
        // After a change of the root key, the older ones come under the present one as well.
        foreach (var generation in generations) vault.Rewrap(generation);
        var newest = generations[^1];
        var left = await LeftAsync(db, newest.Generation, ct);
        if (left > 0)
        {
            await write.CommitAsync(ct);
            return (newest.Generation, true);
        }
        KeyGeneration next;
        try
        {
            next = vault.NextGeneration(generations, clock.GetUtcNow());
        }
        catch (IntegrityException)
        {
            return Problem.Conflict("The stored wrapping for the recovery key is not ours, or was made by an earlier version. Issue a new recovery key, then rotate.");
        }
        db.KeyGenerations.Add(next);
        AuditTrail.Append(db, next.CreatedAt, actor, AuditAction.MasterKeyRotated, new AuditSubject(null, Name(next.Generation)), $"check value {Convert.ToHexStringLower(next.CheckValue)}");
        await write.CommitAsync(ct);
        return (next.Generation, false);
    }

    // False when a value was sealed under an older key meanwhile.
    private async Task<bool> EndAsync(Actor actor, int generation, long rewrapped, CancellationToken ct)
    {
        await using var db = await dbs.CreateDbContextAsync(ct);
        await using var write = await db.BeginWriteAsync(ct);
        if (await LeftAsync(db, generation, ct) > 0) return false;
        AuditTrail.Append(db, clock.GetUtcNow(), actor, AuditAction.DataKeysRewrapped, new AuditSubject(null, Name(generation)), string.Create(CultureInfo.InvariantCulture, $"{rewrapped} data keys"));
        await write.CommitAsync(ct);
        return true;
    }

    private static string Name(int generation) => string.Create(CultureInfo.InvariantCulture, $"master key {generation}");

    // Once through all versions, in the order of their ids.
    private async Task<(long Rows, TimeSpan Longest)> PassAsync(int generation, TimeSpan longest, CancellationToken ct)
    {
        var rows = 0L;
        for (byte[] last = []; ;)
        {
            await using var db = await dbs.CreateDbContextAsync(ct);
            var page = await db.Database.SqlQueryRaw<Row>("""
                SELECT v.id AS "Id", v.number AS "Number", v.wrapped_key AS "WrappedKey", c.id AS "CredentialId", c.workspace_id AS "WorkspaceId"
                FROM credential_version v JOIN credential c ON c.id = v.credential_id
                WHERE v.wrapped_key IS NOT NULL AND substr(v.wrapped_key, 3, 4) < {0} AND v.id > {1} ORDER BY v.id LIMIT {2}
                """, Bytes(generation), last, BatchRows).ToListAsync(ct);
            if (page.Count == 0) return (rows, longest);
            last = page[^1].Id;
            var fresh = page.ConvertAll(r => vault.RewrapKey(new SecretAddress(Guid(r.WorkspaceId), Guid(r.CredentialId), r.Number), r.WrappedKey)!);
            await using var write = await db.BeginWriteAsync(ct);
            var began = clock.GetTimestamp();
            rows += await UpdateAsync(db, page, fresh, ct);
            await write.CommitAsync(ct);
            await write.DisposeAsync();
            var held = clock.GetElapsedTime(began);
            if (held > longest) longest = held;
            // On SQLite other processes look every now and then whether the file is free: it must be, half of the time.
            if (db.Database.IsSqlite()) await Task.Delay(held, ct);
        }
    }

    // Only where the row still holds what was read: a version that was destroyed meanwhile stays so.
    private static async Task<int> UpdateAsync(AdminDb db, List<Row> page, List<byte[]> fresh, CancellationToken ct)
    {
        if (db.Database.IsNpgsql())
        {
            return await db.Database.ExecuteSqlRawAsync("UPDATE credential_version v SET wrapped_key = u.fresh FROM unnest({0}, {1}, {2}) AS u(id, old, fresh) WHERE v.id = u.id AND v.wrapped_key = u.old",
                [Array(page.Select(r => r.Id)), Array(page.Select(r => r.WrappedKey)), Array(fresh)], ct);
        }
        var connection = (SqliteConnection)db.Database.GetDbConnection();
        await using var command = connection.CreateCommand();
        command.Transaction = (SqliteTransaction)db.Database.CurrentTransaction!.GetDbTransaction();
        command.CommandText = "UPDATE credential_version SET wrapped_key = $fresh WHERE id = $id AND wrapped_key = $old";
        var (id, old, value) = (command.Parameters.Add("$id", SqliteType.Blob), command.Parameters.Add("$old", SqliteType.Blob), command.Parameters.Add("$fresh", SqliteType.Blob));
        var rows = 0;
        for (var i = 0; i < page.Count; i++)
        {
            (id.Value, old.Value, value.Value) = (page[i].Id, page[i].WrappedKey, fresh[i]);
            rows += await command.ExecuteNonQueryAsync(ct);
        }
        return rows;
    }

    private static async Task<long> LeftAsync(AdminDb db, int generation, CancellationToken ct) =>
        (await db.Database.SqlQueryRaw<long>("SELECT count(*) AS \"Value\" FROM credential_version WHERE wrapped_key IS NOT NULL AND substr(wrapped_key, 3, 4) < {0}", Bytes(generation)).ToListAsync(ct))[0];

    private static NpgsqlParameter Array(IEnumerable<byte[]> values) => new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea, Value = values.ToArray() };

    // As it stands in a wrapped key; see EnvelopeCipher.
    private static byte[] Bytes(int generation) => [(byte)(generation >> 24), (byte)(generation >> 16), (byte)(generation >> 8), (byte)generation];

    private static Guid Guid(byte[] id) => new(id, bigEndian: true);

    private sealed record Row(byte[] Id, int Number, byte[] WrappedKey, byte[] CredentialId, byte[] WorkspaceId);
}
