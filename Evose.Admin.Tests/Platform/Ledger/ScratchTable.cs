using Microsoft.Data.Sqlite;

namespace Evose.Admin.Tests.Platform.Ledger;

/// <summary>A table <c>t</c> of a number and anything, in memory.</summary>
internal sealed class ScratchTable : IDisposable
{
    public ScratchTable()
    {
        Connection.Open();
        Run("CREATE TABLE t (n INTEGER NOT NULL PRIMARY KEY, x)");
    }

    public SqliteConnection Connection { get; } = new("DataSource=:memory:");

    public List<object?> Stored() => Read("SELECT x FROM t ORDER BY n");

    public List<object?> Numbers() => Read("SELECT n FROM t ORDER BY n");

    public List<object?> Read(string sql)
    {
        using var command = Command(sql);
        using var reader = command.ExecuteReader();
        var all = new List<object?>();
        while (reader.Read()) all.Add(reader.GetValue(0) is DBNull ? null : reader.GetValue(0));
        return all;
    }

    public void Run(string sql)
    {
        using var command = Command(sql);
        command.ExecuteNonQuery();
    }

    public void Dispose() => Connection.Dispose();

    private SqliteCommand Command(string sql)
    {
        var command = Connection.CreateCommand();
        command.CommandText = sql;
        return command;
    }
}
