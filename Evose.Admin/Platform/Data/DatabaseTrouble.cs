using System.Data.Common;
using Evose.Admin.Domain;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;

namespace Evose.Admin.Platform.Data;

/// <summary>A database that is locked by somebody else, out of reach or out of room: nothing of ours is wrong, nothing was done, and later it goes.</summary>
public static class DatabaseTrouble
{
    // SQLite's codes for what passes by itself or when somebody makes room.
    private const int Busy = 5;
    private const int Locked = 6;
    private const int InputOutput = 10;
    private const int Full = 13;

    public static bool Is(Exception? e) => e switch
    {
        DbUpdateConcurrencyException => false,
        DbUpdateException => Is(e.InnerException),
        SqliteException s => s.SqliteErrorCode is Busy or Locked or InputOutput or Full,
        TimeoutException or DbException { IsTransient: true } => true,
        _ => false,
    };

    /// <summary>For a form: the trouble is a problem like any other, which is said beside what the person has typed, and not the end of the page.</summary>
    public static async Task<Outcome<T>> OrUnavailableAsync<T>(this Task<Outcome<T>> act)
    {
        try
        {
            return await act;
        }
        catch (Exception e) when (Is(e))
        {
            return Problem.DatabaseUnavailable;
        }
    }
}
