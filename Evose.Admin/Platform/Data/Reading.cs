using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;

namespace Evose.Admin.Platform.Data;

/// <summary>What makes several small looks into the database cheap.</summary>
public static class Reading
{
    /// <summary>
    /// A context whose connection stays open until it is disposed. On SQLite opening one sets functions and pragmas anew, which takes longer than a small query does; on PostgreSQL
    /// the connection would be one that others lack, and goes back after every query.
    /// </summary>
    public static async Task<AdminDb> OpenAsync(this IDbContextFactory<AdminDb> dbs, CancellationToken ct)
    {
        var db = await dbs.CreateDbContextAsync(ct);
        try
        {
            if (db.Database.IsSqlite()) await db.Database.OpenConnectionAsync(ct);
            return db;
        }
        catch
        {
            await db.DisposeAsync();
            throw;
        }
    }
}

/// <summary>
/// A query that is translated once, not looked up by its expression each time it is asked: for a small query that is most of its price. A compiled query belongs to one model, and
/// a process may have several.
/// </summary>
/// <typeparam name="TQuery">What <c>EF.CompileAsyncQuery</c> gives.</typeparam>
internal sealed class CompiledQuery<TQuery>(Func<TQuery> compile)
    where TQuery : Delegate
{
    private readonly ConditionalWeakTable<IModel, TQuery> _byModel = [];

    public TQuery On(AdminDb db) => _byModel.GetValue(db.Model, _ => compile());
}
