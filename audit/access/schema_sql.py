"""The SQL of the partitioned table. A migration refers to it, so never change it.

PostgreSQL creates and attaches a partition without blocking writers or readers of the others, since there is no default
partition that it would have to search. The function belongs to the owner of the table and runs as it: the role that
runs Kontor may create no table, but calls this function, which takes no argument and removes nothing.
"""

TABLE = """
    CREATE TABLE public.audit_access (
        at timestamptz NOT NULL,
        id bigserial NOT NULL,
        contact_id integer NOT NULL,
        actor_id integer NOT NULL,
        application_id integer,
        process_id integer,
        actor_kind smallint NOT NULL,
        way smallint NOT NULL,
        door smallint NOT NULL,
        system varchar(50) NOT NULL,
        correlation_id varchar(128) NOT NULL,
        PRIMARY KEY (at, id)
    ) PARTITION BY RANGE (at);
    CREATE INDEX access_by_contact ON public.audit_access (contact_id, at);
    CREATE INDEX access_by_actor ON public.audit_access (actor_kind, actor_id, at, id);
    CREATE INDEX access_by_rare_way ON public.audit_access (way, actor_kind, actor_id, at, id) WHERE way >= 3;
"""

# The partitions of this month and the next three; returns how many there were not.
MAKE_PARTITIONS = """
    CREATE FUNCTION public.audit_make_access_partitions() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
        SET search_path = pg_catalog, public, pg_temp
        SET lock_timeout = '2s'
    AS $$
    DECLARE
        first timestamp;
        part text;
        made integer := 0;
    BEGIN
        PERFORM pg_advisory_xact_lock(hashtextextended('audit_make_access_partitions', 0));
        FOR ahead IN 0..3 LOOP
            first := date_trunc('month', now() AT TIME ZONE 'UTC') + make_interval(months => ahead);
            part := 'audit_access_' || to_char(first, 'YYYYMM');
            CONTINUE WHEN to_regclass('public.' || part) IS NOT NULL;
            EXECUTE format('CREATE TABLE public.%I (LIKE public.audit_access INCLUDING ALL)', part);
            EXECUTE format('ALTER TABLE public.audit_access ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
                part, first AT TIME ZONE 'UTC', (first + make_interval(months => 1)) AT TIME ZONE 'UTC');
            made := made + 1;
        END LOOP;
        RETURN made;
    END
    $$;
"""

DROP = """
    DROP FUNCTION public.audit_make_access_partitions();
    DROP TABLE public.audit_access;
"""
