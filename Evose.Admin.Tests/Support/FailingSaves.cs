using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Diagnostics;

namespace Evose.Admin.Tests.Support;

/// <summary>Makes every save fail as SQLite would with this code; 0 lets them through. To be registered as <c>ISaveChangesInterceptor</c>.</summary>
internal sealed class FailingSaves : SaveChangesInterceptor
{
    public const int Busy = 5;
    public const int Full = 13;
    public const int Constraint = 19;

    public int Code { get; set; }

    public override ValueTask<InterceptionResult<int>> SavingChangesAsync(DbContextEventData eventData, InterceptionResult<int> result, CancellationToken cancellationToken = default) =>
        Code == 0 ? base.SavingChangesAsync(eventData, result, cancellationToken) : throw new DbUpdateException("no", new SqliteException("no", Code));
}
