-- Least privilege on PostgreSQL. Two roles: evose_owner owns the tables and migrates, evose_app is what the nodes sign in with.
-- Run it as a superuser, connected to the database of Evose.Admin: once before the first `migrate`, and again after every `migrate`.
-- Give the roles their passwords yourself: ALTER ROLE evose_app PASSWORD '...'.
-- The app may add to the ledger and to the audit trail and read them; it may change or delete nothing in them.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'evose_owner') THEN CREATE ROLE evose_owner LOGIN; END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'evose_app') THEN CREATE ROLE evose_app LOGIN; END IF;
EXCEPTION
    -- Somebody else made them at this moment.
    WHEN duplicate_object OR unique_violation THEN NULL;
END $$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO evose_owner;
GRANT USAGE ON SCHEMA public TO evose_app;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO evose_owner', current_database()); END $$;

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT c.relname, c.relispartition FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') LOOP
        EXECUTE format('REVOKE ALL ON public.%I FROM evose_app', t.relname);
        -- Rows of a part are reached through the whole table only.
        CONTINUE WHEN t.relispartition;
        EXECUTE format('GRANT %s ON public.%I TO evose_app',
            CASE
                WHEN t.relname = '__EFMigrationsHistory' THEN 'SELECT'
                WHEN t.relname IN ('call_record', 'call_completion', 'audit_event', 'retired_calls') THEN 'SELECT, INSERT'
                -- From the commit of a group until its rows are in the tables above.
                WHEN t.relname = 'call_frame' THEN 'SELECT, INSERT, DELETE'
                WHEN t.relname IN ('installation', 'key_generation', 'chain_head') THEN 'SELECT, INSERT, UPDATE'
                ELSE 'SELECT, INSERT, UPDATE, DELETE'
            END, t.relname);
    END LOOP;
    IF to_regproc('public.evose_call_part') IS NOT NULL THEN GRANT EXECUTE ON FUNCTION public.evose_call_part(text, bigint, bigint) TO evose_app; END IF;
    -- Retention: drops whole months, never one that ended less than 28 days ago. Without this line the owner does it, by hand or not at all.
    IF to_regproc('public.evose_call_drop') IS NOT NULL THEN GRANT EXECUTE ON FUNCTION public.evose_call_drop(text, bigint) TO evose_app; END IF;
    -- The queue of the jobs; it holds names and ids, no deadline and no value.
    IF to_regnamespace('hangfire') IS NOT NULL THEN
        GRANT USAGE ON SCHEMA hangfire TO evose_app;
        GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA hangfire TO evose_app;
        GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA hangfire TO evose_app;
    END IF;
END $$;
