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

    /// <summary>The months that have a part, as <c>yyyyMM</c>, oldest first.</summary>
    public static Task<List<string>> ListAsync(AdminDb db, CancellationToken ct) =>
        db.Database.SqlQueryRaw<string>("SELECT substr(c.relname, 13) AS \"Value\" FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'call_record'::regclass AND c.relname ~ '^call_record_[0-9]+$' ORDER BY 1").ToListAsync(ct);

    /// <param name="Position">The last place of the chain that is gone, and its link.</param>
    public sealed record Cut(string Chain, long Position, byte[] Link);

    /// <summary>Drops the month's parts and whatever is older. Completions that came so late that newer calls stand before them in the chain stay, until those go. Where each chain now begins is returned.</summary>
    public static Task<List<Cut>> DropAsync(AdminDb db, string month, long next, CancellationToken ct) =>
        db.Database.SqlQueryRaw<Cut>("SELECT chain AS \"Chain\", place AS \"Position\", link AS \"Link\" FROM evose_call_drop({0}, {1})", month, next).ToListAsync(ct);

    /// <summary>For the migration that brought retention. The function belongs to the schema's owner; the app may be allowed to call it, and can then drop nothing younger than 28 days.</summary>
    public static void AddCallDrop(this MigrationBuilder migration) => migration.Sql("""
        CREATE FUNCTION evose_call_drop(month text, next bigint) RETURNS TABLE (chain text, place bigint, link bytea) LANGUAGE plpgsql SECURITY DEFINER AS $$
        DECLARE
            head record;
            number int;
            remaining bigint;
            kept call_completion[] := '{}';
        BEGIN
            IF month !~ '^[0-9]{6}$' THEN RAISE EXCEPTION 'not a month: %', month; END IF;
            IF next > ((extract(epoch FROM now()) * 1000)::bigint - 1577836800000 - 28 * 86400000::bigint) << 21 THEN RAISE EXCEPTION 'calls of the last 28 days are not dropped'; END IF;
            PERFORM pg_advisory_xact_lock(hashtext('evose_call_part'));
            FOR head IN SELECT h.lane, h.seq FROM chain_head h WHERE h.lane ~ '^calls(/[0-9]+)?$' ORDER BY h.lane LOOP
                number := CASE head.lane WHEN 'calls' THEN 0 ELSE substr(head.lane, 7)::int END;
                CONTINUE WHEN NOT EXISTS (SELECT FROM call_record r WHERE r.lane = number AND r.seq < next) AND NOT EXISTS (SELECT FROM call_completion c WHERE c.lane = number AND c.call_seq < next);
                SELECT least((SELECT r.position FROM call_record r WHERE r.lane = number AND r.seq >= next ORDER BY r.position LIMIT 1),
                    (SELECT c.position FROM call_completion c WHERE c.lane = number AND c.call_seq >= next ORDER BY c.position LIMIT 1)) - 1 INTO remaining;
                place := coalesce(remaining, head.seq);
                chain := head.lane;
                link := coalesce((SELECT r.link FROM call_record r WHERE r.lane = number AND r.position = place LIMIT 1),
                    (SELECT c.link FROM call_completion c WHERE c.lane = number AND c.position = place LIMIT 1));
                kept := kept || ARRAY(SELECT c FROM call_completion c WHERE c.lane = number AND c.position > place AND c.call_seq < next);
                IF link IS NOT NULL THEN RETURN NEXT; END IF;
            END LOOP;
            EXECUTE format('DROP TABLE IF EXISTS %I, %I', 'call_record_' || month, 'call_completion_' || month);
            DELETE FROM call_record_rest r WHERE r.seq < next;
            DELETE FROM call_completion_rest c WHERE c.call_seq < next;
            INSERT INTO call_completion SELECT (unnest(kept)).*;
        END $$;
        DO $$ BEGIN EXECUTE format('ALTER FUNCTION evose_call_drop(text, bigint) SET search_path = %I, pg_temp', current_schema()); END $$;
        REVOKE EXECUTE ON FUNCTION evose_call_drop(text, bigint) FROM PUBLIC;
        """);

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
