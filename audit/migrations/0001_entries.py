"""The history of contacts becomes the ledger. Its table is renamed, never rebuilt: every step changes only the catalog.

The previous version's processes still run. They read and write the history by its first name, which is a view from now on,
until a later version drops it. COPY needs the view's triggers, and erasing needs them to record the erasure.
"""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import audit.fields
import core.triggers
from core.migration_operations import LockTables

RENAME = """
ALTER TABLE public.contacts_changeset RENAME TO audit_entry;
DROP TRIGGER pgtrigger_history_follows_versions_bc2a7 ON public.audit_entry;
DROP TRIGGER pgtrigger_history_is_append_only_27fd1 ON public.audit_entry;
DROP TRIGGER pgtrigger_history_is_never_emptied_f4937 ON public.audit_entry;
DROP FUNCTION public.pgtrigger_history_follows_versions_bc2a7();
DROP FUNCTION public.pgtrigger_history_is_append_only_27fd1();
DROP FUNCTION public.pgtrigger_history_is_never_emptied_f4937();
ALTER TABLE public.audit_entry RENAME COLUMN contact_id TO subject_id;
ALTER TABLE public.audit_entry RENAME COLUMN version TO sequence;
ALTER TABLE public.audit_entry RENAME COLUMN executed_at TO recorded_at;
ALTER TABLE public.audit_entry RENAME CONSTRAINT contacts_changeset_pkey TO audit_entry_pkey;
ALTER TABLE public.audit_entry RENAME CONSTRAINT change_set_has_one_initiating_person TO entry_has_one_initiating_person;
ALTER SEQUENCE public.contacts_changeset_id_seq RENAME TO audit_entry_id_seq;
ALTER INDEX public.changeset_member RENAME TO entry_by_member;
ALTER INDEX public.changeset_contact RENAME TO entry_by_contact;
ALTER INDEX public.changeset_app RENAME TO entry_by_application;
ALTER TABLE public.audit_entry
    ADD COLUMN kind varchar(40) NOT NULL DEFAULT 'contact-details',
    ADD COLUMN transaction_id xid8,
    ADD COLUMN change_request_id integer;
ALTER TABLE public.audit_entry
    ALTER COLUMN kind DROP DEFAULT,
    ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id(),
    ALTER COLUMN recorded_at SET DEFAULT statement_timestamp();
"""

FIRST_NAME = """
CREATE VIEW public.contacts_changeset AS
    SELECT id, subject_id AS contact_id, sequence AS version, recorded_at AS executed_at, initiator_member_id,
           initiator_contact_id, initiator_application_id, initiator_system, comment, changes, paths
      FROM public.audit_entry WHERE kind = 'contact-details';
CREATE FUNCTION public.contacts_changeset_insert() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.audit_entry (
        id, kind, subject_id, sequence, recorded_at, initiator_member_id, initiator_contact_id,
        initiator_application_id, initiator_system, comment, changes, paths)
    VALUES (
        coalesce(NEW.id, nextval('public.audit_entry_id_seq')), 'contact-details', NEW.contact_id, NEW.version,
        NEW.executed_at, NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id,
        NEW.initiator_system, NEW.comment, NEW.changes, NEW.paths)
    RETURNING id INTO NEW.id;
    RETURN NEW;
END
$$;
CREATE FUNCTION public.contacts_changeset_update() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.audit_erasure (kind, subject_id)
    SELECT 'contact-details', id FROM public.contacts_contact WHERE id = OLD.contact_id AND anonymized_at IS NOT NULL
    ON CONFLICT DO NOTHING;
    UPDATE public.audit_entry
       SET id = NEW.id, subject_id = NEW.contact_id, sequence = NEW.version, recorded_at = NEW.executed_at,
           initiator_member_id = NEW.initiator_member_id, initiator_contact_id = NEW.initiator_contact_id,
           initiator_application_id = NEW.initiator_application_id, initiator_system = NEW.initiator_system,
           comment = NEW.comment, changes = NEW.changes, paths = NEW.paths
     WHERE id = OLD.id;
    RETURN NEW;
END
$$;
CREATE TRIGGER contacts_changeset_insert INSTEAD OF INSERT ON public.contacts_changeset
    FOR EACH ROW EXECUTE FUNCTION public.contacts_changeset_insert();
CREATE TRIGGER contacts_changeset_update INSTEAD OF UPDATE ON public.contacts_changeset
    FOR EACH ROW EXECUTE FUNCTION public.contacts_changeset_update();
"""

# Declared by contacts, which has it in its state with its next migration.
CONTACT_FOLLOWS_VERSIONS = pgtrigger.compiler.Trigger(
    name="contact_follows_versions",
    sql=core.triggers.GuardSQL(
        declare="DECLARE odd record;",
        func="""
            SELECT written.kind, written.subject_id, written.sequence INTO odd
              FROM written
             WHERE written.kind = 'contact-details'
               AND ((SELECT subject.version FROM public.contacts_contact subject WHERE subject.id = written.subject_id)
                    IS DISTINCT FROM written.sequence
                 OR written.sequence > 1 AND (
                        SELECT before.sequence FROM public.audit_entry before
                         WHERE before.kind = written.kind AND before.subject_id = written.subject_id
                           AND before.sequence = written.sequence - 1) IS NULL)
             LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION 'Refused: an entry of version % does not follow in the history of % %.', odd.sequence, odd.kind, odd.subject_id USING ERRCODE = 'integrity_constraint_violation';
            END IF;
            RETURN NULL;
        """,
        hash="d6a8c59a028a0003f64a0e951d0773c951be1e08",
        level="STATEMENT",
        operation="INSERT",
        pgid="pgtrigger_contact_follows_versions_8e3ed",
        referencing="REFERENCING NEW TABLE AS written ",
        table="audit_entry",
        when="AFTER",
    ),
)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_triggers_of_members"),
        ("changerequests", "0008_triggers_of_requests"),
        ("contacts", "0016_triggers_of_change_sets"),
        migrations.swappable_dependency(settings.OAUTH2_PROVIDER_APPLICATION_MODEL),
    ]

    operations = [
        LockTables("contacts_changeset"),
        migrations.CreateModel(
            name="Erasure",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("subject_id", models.IntegerField()),
                (
                    "erased_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
            ],
            options={
                "default_permissions": (),
                "constraints": [models.UniqueConstraint(fields=("kind", "subject_id"), name="erased_once")],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="erasure",
            trigger=pgtrigger.compiler.Trigger(
                name="erasures_are_append_only",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'Refused for % %: an erasure is neither changed nor undone.', OLD.kind, OLD.subject_id USING ERRCODE = 'integrity_constraint_violation';",
                    hash="a6d1825c341a924393130c4f06851d582dd241a9",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_erasures_are_append_only_4fda6",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="erasure",
            trigger=pgtrigger.compiler.Trigger(
                name="erasures_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="f5e8ab3e3a33bfbf52eac7960b32a5cb62a4e440",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_erasures_are_never_emptied_9f6c0",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(RENAME)],
            state_operations=[
                migrations.CreateModel(
                    name="Entry",
                    fields=[
                        ("id", models.BigAutoField(primary_key=True, serialize=False)),
                        ("kind", models.CharField(max_length=40)),
                        ("subject_id", models.IntegerField()),
                        ("sequence", models.PositiveIntegerField()),
                        (
                            "recorded_at",
                            models.DateTimeField(
                                db_default=django.db.models.functions.datetime.Now(),
                            ),
                        ),
                        (
                            "transaction_id",
                            audit.fields.TransactionIdField(
                                db_default=audit.fields.CurrentTransactionId(), editable=False, null=True
                            ),
                        ),
                        ("initiator_system", models.CharField(blank=True, max_length=50)),
                        ("comment", models.TextField(blank=True, null=True)),
                        ("changes", models.JSONField()),
                        ("paths", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                        (
                            "change_request",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="entries",
                                to="changerequests.changerequest",
                            ),
                        ),
                        (
                            "initiator_application",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
                            ),
                        ),
                        (
                            "initiator_contact",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="contacts.contact",
                            ),
                        ),
                        (
                            "initiator_member",
                            models.ForeignKey(
                                blank=True,
                                db_index=False,
                                null=True,
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="+",
                                to="accounts.member",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-id"],
                        "default_permissions": (),
                    },
                ),
                migrations.AddIndex(
                    model_name="entry",
                    index=models.Index(
                        condition=models.Q(("initiator_member__isnull", False)),
                        fields=["initiator_member"],
                        name="entry_by_member",
                    ),
                ),
                migrations.AddIndex(
                    model_name="entry",
                    index=models.Index(
                        condition=models.Q(("initiator_contact__isnull", False)),
                        fields=["initiator_contact"],
                        name="entry_by_contact",
                    ),
                ),
                migrations.AddIndex(
                    model_name="entry",
                    index=models.Index(
                        condition=models.Q(("initiator_application__isnull", False)),
                        fields=["initiator_application"],
                        name="entry_by_application",
                    ),
                ),
                migrations.AddConstraint(
                    model_name="entry",
                    constraint=models.CheckConstraint(
                        condition=models.Q(
                            ("initiator_member__isnull", True), ("initiator_contact__isnull", True), _connector="OR"
                        ),
                        name="entry_has_one_initiating_person",
                    ),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="entries_are_append_only",
                sql=core.triggers.GuardSQL(
                    func="""
            IF TG_OP = 'UPDATE'
               AND (NEW.id, NEW.kind, NEW.subject_id, NEW.sequence, NEW.recorded_at, NEW.paths, NEW.initiator_system)
                   = (OLD.id, OLD.kind, OLD.subject_id, OLD.sequence, OLD.recorded_at, OLD.paths, OLD.initiator_system)
               AND (NEW.transaction_id, NEW.initiator_member_id, NEW.initiator_contact_id, NEW.initiator_application_id)
                   IS NOT DISTINCT FROM
                   (OLD.transaction_id, OLD.initiator_member_id, OLD.initiator_contact_id, OLD.initiator_application_id)
            THEN
                IF NEW.change_request_id IS NOT DISTINCT FROM OLD.change_request_id
                   AND NEW.comment IS NULL
                   AND NEW.changes = public.contacts_without_values(OLD.changes)
                   AND EXISTS (
                       SELECT FROM public.audit_erasure WHERE kind = OLD.kind AND subject_id = OLD.subject_id)
                THEN
                    RETURN NEW;
                END IF;
                IF OLD.change_request_id IS NULL
                   AND (NEW.changes, NEW.comment) IS NOT DISTINCT FROM (OLD.changes, OLD.comment)
                   AND EXISTS (
                       SELECT FROM public.changerequests_changerequest
                        WHERE id = NEW.change_request_id AND change_set_id = OLD.id)
                THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'The ledger is append-only: % of entry % refused.', TG_OP, OLD.id USING ERRCODE = 'integrity_constraint_violation';
        """,
                    hash="6a93f2a822ed17eedeb8bc6ebddcc7376468133a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_entries_are_append_only_6ce1e",
                    table="audit_entry",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="entry",
            trigger=pgtrigger.compiler.Trigger(
                name="entries_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="9ab037f0510d8a2689a442bd16837b568d2361e3",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_entries_are_never_emptied_b85a1",
                    table="audit_entry",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunSQL(CONTACT_FOLLOWS_VERSIONS.install_sql),
        migrations.RunSQL(FIRST_NAME),
    ]
