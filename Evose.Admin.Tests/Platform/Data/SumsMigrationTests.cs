using Evose.Admin.Platform.Data;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Evose.Admin.Tests.Platform.Data;

[Trait("Database", "Sqlite")]
public sealed class SumsMigrationTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    [Fact]
    public async Task Sums_that_were_counted_before_are_kept_and_lie_in_the_order_of_time_without_row_numbers()
    {
        using var gate = new WriteGate();
        await using var db = new AdminDb(new DbContextOptionsBuilder<AdminDb>().UseSqlite($"Data Source={_file};Pooling=False").Options, gate, new CatalogStamp());
        var migrator = db.GetService<IMigrator>();
        await migrator.MigrateAsync("ChannelsLeaksHygiene");
        await db.Database.ExecuteSqlRawAsync("""
            INSERT INTO usage_hour (credential_id, hour, version, calls, errors, key_errors, duration_us) VALUES (x'01', 500000, 1, 7, 2, 1, 90), (x'00', 500001, 1, 5, 0, 0, 10);
            INSERT INTO usage_day (credential_id, day, version, calls, errors, key_errors, duration_us) VALUES (x'01', 20833, 1, 7, 2, 1, 90), (x'00', 20834, 1, 5, 0, 0, 10);
            """);
        foreach (var target in new[] { null, "ChannelsLeaksHygiene", null })
        {
            await migrator.MigrateAsync(target);
            Assert.Equal("01,500000,1,7,2,1,90 00,500001,1,5,0,0,10", await RowsAsync(db, "usage_hour", "hour"));
            Assert.Equal("01,20833,1,7,2,1,90 00,20834,1,5,0,0,10", await RowsAsync(db, "usage_day", "day"));
        }
        foreach (var table in new[] { "usage_hour", "usage_day", "usage_source" })
            await Assert.ThrowsAsync<SqliteException>(() => ScalarAsync(db, $"SELECT rowid FROM {table}"));
        Assert.Equal("hour", await ScalarAsync(db, "SELECT name FROM pragma_table_info('usage_hour') WHERE pk = 1"));
        Assert.Equal("day", await ScalarAsync(db, "SELECT name FROM pragma_table_info('usage_day') WHERE pk = 1"));
    }

    public void Dispose() => File.Delete(_file);

    private static async Task<string> RowsAsync(AdminDb db, string table, string time) =>
        (string)(await ScalarAsync(db, $"SELECT group_concat(r, ' ') FROM (SELECT hex(credential_id) || ',' || {time} || ',' || version || ',' || calls || ',' || errors || ',' || key_errors || ',' || duration_us AS r FROM {table} ORDER BY {time})"))!;

    private static async Task<object?> ScalarAsync(AdminDb db, string sql)
    {
        await db.Database.OpenConnectionAsync();
        await using var command = db.Database.GetDbConnection().CreateCommand();
        command.CommandText = sql;
        return await command.ExecuteScalarAsync();
    }
}
