using Evose.Admin.Domain.Calls;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Migrations;

namespace Evose.Admin.Platform.Data;

/// <summary>The monthly parts of the tables of calls on PostgreSQL. Rows of a month that has none go into the default part, so nothing depends on this being in time.</summary>
public static class Partitions
{
    /// <summary>How many months have their part before they begin.</summary>
    private const int Ahead = 2;

    /// <summary>Makes the parts for this month and the next two; how many were missing. The function belongs to the schema's owner, so the app need not be one.</summary>
    public static async Task<int> PrepareAsync(AdminDb db, DateTimeOffset now, CancellationToken ct)
    {
        var made = 0;
        var month = new DateTimeOffset(now.UtcDateTime.Year, now.UtcDateTime.Month, 1, 0, 0, 0, TimeSpan.Zero);
        for (var i = 0; i <= Ahead; i++, month = month.AddMonths(1))
        {
            var name = month.ToString("yyyyMM", System.Globalization.CultureInfo.InvariantCulture);
            made += (await db.Database.SqlQueryRaw<int>("SELECT evose_call_part({0}, {1}, {2}) AS \"Value\"", name, CallNumber.First(month), CallNumber.First(month.AddMonths(1))).ToListAsync(ct))[0];
        }
        return made;
    }

    /// <summary>For the first migration: both tables, still empty and without indexes, are made anew in parts.</summary>
    public static void CutCallsByMonth(this MigrationBuilder migration)
    {
        foreach (var (table, number) in new[] { ("call_record", "seq"), ("call_completion", "call_seq") })
        {
            migration.Sql($"""
                ALTER TABLE {table} RENAME TO {table}_whole;
                ALTER TABLE {table}_whole RENAME CONSTRAINT "PK_{table}" TO "PK_{table}_whole";
                CREATE TABLE {table} (LIKE {table}_whole, CONSTRAINT "PK_{table}" PRIMARY KEY ({number})) PARTITION BY RANGE ({number});
                DROP TABLE {table}_whole;
                CREATE TABLE {table}_rest PARTITION OF {table} DEFAULT;
                """);
        }
        // Attached, not created in place: that would lock out those who insert. Where the default part already holds rows of the month, they stay there.
        migration.Sql("""
            CREATE FUNCTION evose_call_part(month text, first bigint, next bigint) RETURNS int LANGUAGE plpgsql SECURITY DEFINER AS $$
            DECLARE
                made int := 0;
                whole text;
                number text;
                filled boolean;
            BEGIN
                IF month !~ '^[0-9]{6}$' THEN RAISE EXCEPTION 'not a month: %', month; END IF;
                PERFORM pg_advisory_xact_lock(hashtext('evose_call_part'));
                FOREACH whole IN ARRAY ARRAY['call_record', 'call_completion'] LOOP
                    number := CASE whole WHEN 'call_record' THEN 'seq' ELSE 'call_seq' END;
                    CONTINUE WHEN to_regclass(whole || '_' || month) IS NOT NULL;
                    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE %I >= $1 AND %I < $2)', whole || '_rest', number, number) INTO filled USING first, next;
                    CONTINUE WHEN filled;
                    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', whole || '_' || month, whole);
                    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', whole, whole || '_' || month, first, next);
                    made := made + 1;
                END LOOP;
                RETURN made;
            END $$;
            DO $$ BEGIN EXECUTE format('ALTER FUNCTION evose_call_part(text, bigint, bigint) SET search_path = %I, pg_temp', current_schema()); END $$;
            REVOKE EXECUTE ON FUNCTION evose_call_part(text, bigint, bigint) FROM PUBLIC;
            """);
    }
}
