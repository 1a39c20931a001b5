"""One engine for every kind: requests have subjects, revisions with proposals and stages, and decisions.

Nothing is locked for long: the columns have constant defaults, and the rows come in batches with a later migration. The
previous version's processes may still run. They write `contact_id` and `changes`, which this version does not read: the
triggers below take over what they write. A later version drops both columns, their index and the triggers.
"""

import uuid

import django.contrib.postgres.fields
import django.db.models.deletion
import django.db.models.functions.datetime
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import changerequests.models.conversation
import changerequests.models.requests
import core.triggers
from core.migration_operations import LockTables

PREVIOUS = """
ALTER TABLE public.changerequests_changerequest
    ALTER COLUMN contact_id DROP NOT NULL,
    ALTER COLUMN changes DROP NOT NULL;

-- Give the requests with these ids, as the previous version writes them, what they need in this one.
CREATE FUNCTION public.changerequests_take_over(after_id integer, until_id integer) RETURNS void LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    requests integer[];
BEGIN
    SELECT array_agg(id) INTO requests FROM (
        SELECT id FROM public.changerequests_changerequest request
         WHERE id > after_id AND id <= until_id AND contact_id IS NOT NULL
           AND NOT EXISTS (SELECT FROM public.changerequests_requestsubject WHERE request_id = request.id)
           FOR NO KEY UPDATE) old;
    INSERT INTO public.changerequests_requestsubject (request_id, kind, subject_id, is_open, outcome, message)
    SELECT id, 'contact-details', contact_id, status = 1, '', ''
      FROM public.changerequests_changerequest WHERE id = ANY(requests);
    INSERT INTO public.changerequests_revision
           (request_id, number, reason, author_id, comment, policy_version, created_at)
    SELECT id, 1, 'submitted', initiator_member_id, initiator_comment, 0, created_at
      FROM public.changerequests_changerequest WHERE id = ANY(requests);
    INSERT INTO public.changerequests_proposal (revision_id, subject_id, changes)
    SELECT revision.id, subject.id, request.changes
      FROM public.changerequests_changerequest request
      JOIN public.changerequests_revision revision ON revision.request_id = request.id
      JOIN public.changerequests_requestsubject subject ON subject.request_id = request.id
     WHERE request.id = ANY(requests);
    INSERT INTO public.changerequests_requeststage (revision_id, position, name, approvals)
    SELECT id, 0, 'Review', 1 FROM public.changerequests_revision WHERE request_id = ANY(requests);
    INSERT INTO public.changerequests_decision (revision_id, stage_id, member_id, verdict, comment, digest, decided_at)
    SELECT revision.id, stage.id, request.review_member_id,
           CASE request.status WHEN 2 THEN 'approve' ELSE 'reject' END, request.review_comment, '', request.reviewed_at
      FROM public.changerequests_changerequest request
      JOIN public.changerequests_revision revision ON revision.request_id = request.id
      JOIN public.changerequests_requeststage stage ON stage.revision_id = revision.id
     WHERE request.id = ANY(requests) AND request.status IN (2, 3);
    UPDATE public.changerequests_changerequest
       SET subject_id = contact_id, digest_salt = replace(gen_random_uuid()::text, '-', '')
     WHERE id = ANY(requests) AND subject_id IS NULL;
END
$$;

CREATE FUNCTION public.changerequests_previous_insert() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    NEW.subject_id := NEW.contact_id;
    NEW.digest_salt := replace(gen_random_uuid()::text, '-', '');
    RETURN NEW;
END
$$;
CREATE FUNCTION public.changerequests_previous_inserted() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.changerequests_take_over(NEW.id - 1, NEW.id);
    RETURN NULL;
END
$$;
CREATE FUNCTION public.changerequests_previous_decided() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.changerequests_decision (revision_id, stage_id, member_id, verdict, comment, digest, decided_at)
    SELECT revision.id, stage.id, NEW.review_member_id, CASE NEW.status WHEN 2 THEN 'approve' ELSE 'reject' END,
           NEW.review_comment, '', NEW.reviewed_at
      FROM public.changerequests_revision revision
      JOIN public.changerequests_requeststage stage ON stage.revision_id = revision.id AND stage.position = NEW.stage
     WHERE revision.request_id = NEW.id AND revision.number = NEW.revision_number
       AND NOT EXISTS (
           SELECT FROM public.changerequests_decision
            WHERE revision_id = revision.id AND member_id = NEW.review_member_id);
    RETURN NEW;
END
$$;
CREATE FUNCTION public.changerequests_previous_closed() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    UPDATE public.changerequests_requestsubject SET is_open = false WHERE request_id = NEW.id AND is_open;
    RETURN NULL;
END
$$;
CREATE TRIGGER previous_insert BEFORE INSERT ON public.changerequests_changerequest
    FOR EACH ROW WHEN (NEW.contact_id IS NOT NULL) EXECUTE FUNCTION public.changerequests_previous_insert();
CREATE CONSTRAINT TRIGGER previous_inserted AFTER INSERT ON public.changerequests_changerequest
    DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.contact_id IS NOT NULL) EXECUTE FUNCTION public.changerequests_previous_inserted();
-- Its name puts it before the rule that asks for the decision.
CREATE TRIGGER a_previous_decided BEFORE UPDATE OF status ON public.changerequests_changerequest
    FOR EACH ROW WHEN (NEW.contact_id IS NOT NULL AND OLD.status = 1 AND NEW.status IN (2, 3))
    EXECUTE FUNCTION public.changerequests_previous_decided();
CREATE TRIGGER previous_closed AFTER UPDATE OF status ON public.changerequests_changerequest
    FOR EACH ROW WHEN (NEW.contact_id IS NOT NULL AND OLD.status = 1 AND NEW.status IN (2, 3, 4))
    EXECUTE FUNCTION public.changerequests_previous_closed();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_triggers_of_members"),
        ("accounts", "__first__"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("changerequests", "0011_entries_of_earlier_requests"),
    ]

    operations = [
        LockTables("changerequests_changerequest", "accounts_member", "accounts_clientapplication", "auth_group"),
        migrations.CreateModel(
            name="Absence",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_on", models.DateField(verbose_name="from")),
                ("ends_on", models.DateField(verbose_name="until")),
            ],
            options={
                "verbose_name": "absence",
                "verbose_name_plural": "absences",
                "ordering": ["-starts_on", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "verdict",
                    models.CharField(
                        choices=[("approve", "Approved"), ("reject", "Rejected"), ("return", "Returned")],
                        max_length=10,
                        verbose_name="verdict",
                    ),
                ),
                ("comment", models.TextField(blank=True, null=True, verbose_name="comment")),
                ("digest", models.CharField(blank=True, default="", max_length=64, verbose_name="digest")),
                (
                    "paths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), blank=True, null=True, size=None
                    ),
                ),
                (
                    "decided_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="decided"),
                ),
            ],
            options={
                "verbose_name": "decision",
                "verbose_name_plural": "decisions",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="PolicyGroup",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
        ),
        migrations.CreateModel(
            name="PolicyVersion",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="uid")),
                ("number", models.PositiveIntegerField(unique=True, verbose_name="version")),
                ("document", models.JSONField(verbose_name="policies")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
            ],
            options={
                "verbose_name": "policy version",
                "verbose_name_plural": "policies",
                "ordering": ["-number"],
                "permissions": [("change_policies", "Can ask for changes of the policies")],
            },
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("changes", models.JSONField(verbose_name="changes")),
            ],
            options={
                "verbose_name": "proposal",
                "verbose_name_plural": "proposals",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RequestAttachment",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "file",
                    models.FileField(
                        blank=True, upload_to=changerequests.models.conversation.attachment_name, verbose_name="file"
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200, verbose_name="name")),
                ("media_type", models.CharField(max_length=50, verbose_name="media type")),
                ("size", models.PositiveIntegerField(verbose_name="size")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="created")),
            ],
            options={
                "verbose_name": "attachment",
                "verbose_name_plural": "attachments",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RequestComment",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("text", models.TextField(blank=True, verbose_name="comment")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="created")),
            ],
            options={
                "verbose_name": "comment",
                "verbose_name_plural": "comments",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="RequestStage",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(verbose_name="position")),
                ("name", models.CharField(max_length=100, verbose_name="stage")),
                ("approvals", models.PositiveSmallIntegerField(verbose_name="approvals needed")),
                ("hours", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="hours until due")),
            ],
            options={
                "verbose_name": "stage",
                "verbose_name_plural": "stages",
                "ordering": ["revision", "position"],
            },
        ),
        migrations.CreateModel(
            name="RequestSubject",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40, verbose_name="kind")),
                ("subject_id", models.IntegerField(verbose_name="subject")),
                ("is_open", models.BooleanField(default=True, verbose_name="open")),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("applied", "Applied"),
                            ("outdated", "Outdated"),
                            ("refused", "Refused"),
                            ("excluded", "Excluded"),
                        ],
                        default="",
                        max_length=10,
                        verbose_name="outcome",
                    ),
                ),
                ("message", models.TextField(blank=True, default="", verbose_name="message")),
            ],
            options={
                "verbose_name": "subject",
                "verbose_name_plural": "subjects",
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(verbose_name="revision")),
                (
                    "reason",
                    models.CharField(
                        choices=[("submitted", "Submitted"), ("amended", "Amended"), ("struck", "Partly removed")],
                        max_length=10,
                        verbose_name="reason",
                    ),
                ),
                ("comment", models.TextField(blank=True, null=True, verbose_name="comment")),
                ("policy_version", models.PositiveIntegerField(verbose_name="version of the policies")),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
                ),
            ],
            options={
                "verbose_name": "revision",
                "verbose_name_plural": "revisions",
                "ordering": ["request", "number"],
            },
        ),
        migrations.AddField(
            model_name="changerequest",
            name="digest_salt",
            field=models.CharField(db_default="", default=changerequests.models.requests.new_salt, max_length=32),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="due_at",
            field=models.DateTimeField(blank=True, null=True, verbose_name="due"),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="initiator_application",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.OAUTH2_PROVIDER_APPLICATION_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="initiator_system",
            field=models.CharField(blank=True, db_default="", default="", max_length=50, verbose_name="system"),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="kind",
            field=models.CharField(db_default="contact-details", max_length=40, verbose_name="kind"),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="reviewers",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="auth.group",
                verbose_name="reviewers",
            ),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="revision_number",
            field=models.PositiveSmallIntegerField(db_default=1, default=1, verbose_name="revision"),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="stage",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="stage"),
        ),
        migrations.AddField(
            model_name="changerequest",
            name="subject_id",
            field=models.IntegerField(blank=True, null=True, verbose_name="subject"),
        ),
        migrations.AlterField(
            model_name="changerequest",
            name="created_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), verbose_name="created"),
        ),
        migrations.AlterField(
            model_name="changerequest",
            name="initiator_member",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="initiated_requests",
                to="accounts.member",
                verbose_name="initiator",
            ),
        ),
        migrations.AlterField(
            model_name="changerequest",
            name="status",
            field=models.PositiveSmallIntegerField(
                choices=[(1, "Pending"), (2, "Approved"), (3, "Rejected"), (4, "Cancelled"), (5, "Returned")],
                default=1,
                verbose_name="status",
            ),
        ),
        migrations.AddField(
            model_name="absence",
            name="member",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="absences",
                to="accounts.member",
                verbose_name="member",
            ),
        ),
        migrations.AddField(
            model_name="absence",
            name="substitute",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="substitutions",
                to="accounts.member",
                verbose_name="substitute",
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="member",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="accounts.member",
                verbose_name="member",
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="on_behalf_of",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.member",
                verbose_name="on behalf of",
            ),
        ),
        migrations.AddField(
            model_name="policygroup",
            name="group",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="auth.group"),
        ),
        migrations.AddField(
            model_name="policyversion",
            name="groups",
            field=models.ManyToManyField(related_name="+", through="changerequests.PolicyGroup", to="auth.group"),
        ),
        migrations.AddField(
            model_name="policygroup",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="changerequests.policyversion"
            ),
        ),
        migrations.AddField(
            model_name="requestattachment",
            name="author",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.member",
                verbose_name="author",
            ),
        ),
        migrations.AddField(
            model_name="requestattachment",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attachments",
                to="changerequests.changerequest",
            ),
        ),
        migrations.AddField(
            model_name="requestcomment",
            name="author",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.member",
                verbose_name="author",
            ),
        ),
        migrations.AddField(
            model_name="requestcomment",
            name="request",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="comments", to="changerequests.changerequest"
            ),
        ),
        migrations.AddField(
            model_name="requeststage",
            name="group",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="auth.group",
                verbose_name="reviewers",
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="stage",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="decisions", to="changerequests.requeststage"
            ),
        ),
        migrations.AddField(
            model_name="requestsubject",
            name="request",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="subjects",
                to="changerequests.changerequest",
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="subject",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="proposals",
                to="changerequests.requestsubject",
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="author",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="accounts.member",
            ),
        ),
        migrations.AddField(
            model_name="revision",
            name="request",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="revisions",
                to="changerequests.changerequest",
            ),
        ),
        migrations.AddField(
            model_name="requeststage",
            name="revision",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="stages",
                to="changerequests.revision",
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="revision",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="proposals",
                to="changerequests.revision",
            ),
        ),
        migrations.AddField(
            model_name="decision",
            name="revision",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="decisions",
                to="changerequests.revision",
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=models.CheckConstraint(
                condition=models.Q(("member", models.F("substitute")), _negated=True),
                name="absence_names_somebody_else",
                violation_error_message="A member cannot be its own substitute.",
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_on__gte", models.F("starts_on"))),
                name="absence_ends_after_it_starts",
                violation_error_message="The absence ends before it starts.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="absence",
            trigger=pgtrigger.compiler.Trigger(
                name="past_absences_stay",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (OLD.starts_on <= (now() AT TIME ZONE 'UTC')::date)",
                    func="\n            IF TG_OP = 'UPDATE'\n               AND (NEW.id, NEW.member_id, NEW.substitute_id, NEW.starts_on)\n                   = (OLD.id, OLD.member_id, OLD.substitute_id, OLD.starts_on)\n               AND (NEW.ends_on = OLD.ends_on OR NEW.ends_on >= (now() AT TIME ZONE 'UTC')::date) THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused: absence % has begun. It can only end earlier or later, from today on.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="2de487b8ebea6c69740d725be7aed3f673092bb7",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_past_absences_stay_40124",
                    table="changerequests_absence",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="absence",
            trigger=pgtrigger.compiler.Trigger(
                name="absences_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="a5c9e738fc65578e1e7454b5871bd57a6a2a8aa5",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_absences_are_never_emptied_b01f2",
                    table="changerequests_absence",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="policyversion",
            trigger=pgtrigger.compiler.Trigger(
                name="policies_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            \n            RAISE EXCEPTION 'Refused: version of the policies % is never changed or deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="6e43e47ae16daf4d0f31c62bd34526c08224f58a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_policies_stay_b3ca3",
                    table="changerequests_policyversion",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="policyversion",
            trigger=pgtrigger.compiler.Trigger(
                name="policies_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="f756c617a77a2ce839135ab1fde6bd083c545dc6",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_policies_are_never_emptied_003ea",
                    table="changerequests_policyversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="policygroup",
            constraint=models.UniqueConstraint(fields=("version", "group"), name="policy_names_group_once"),
        ),
        migrations.AddConstraint(
            model_name="requestattachment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("file", ""), _negated=True),
                fields=("file",),
                name="attachment_has_a_file_of_its_own",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requestattachment",
            trigger=pgtrigger.compiler.Trigger(
                name="attachments_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            \n        IF TG_OP = 'UPDATE' AND NEW.file = '' AND NEW.name = '' AND (NEW.id, NEW.request_id, NEW.author_id, NEW.media_type, NEW.size, NEW.created_at) IS NOT DISTINCT FROM (OLD.id, OLD.request_id, OLD.author_id, OLD.media_type, OLD.size, OLD.created_at) AND \n    EXISTS (\n        SELECT FROM public.changerequests_requestsubject subject\n          JOIN public.audit_erasure erasure\n            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id\n         WHERE subject.request_id = OLD.request_id)\n THEN\n            RETURN NEW;\n        END IF;\n    \n            RAISE EXCEPTION 'Refused: attachment % is never changed or deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="c2af905f7b4adf774c22405e63f8c397276f72f2",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_attachments_stay_1f890",
                    table="changerequests_requestattachment",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requestattachment",
            trigger=pgtrigger.compiler.Trigger(
                name="attachments_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="e68902e9b9029d2cabc33280802c5d56efd9af23",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_attachments_are_never_emptied_458d1",
                    table="changerequests_requestattachment",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requestcomment",
            trigger=pgtrigger.compiler.Trigger(
                name="comments_stay",
                sql=core.triggers.GuardSQL(
                    func="\n            \n        IF TG_OP = 'UPDATE' AND NEW.text = '' AND (NEW.id, NEW.request_id, NEW.author_id, NEW.created_at) IS NOT DISTINCT FROM (OLD.id, OLD.request_id, OLD.author_id, OLD.created_at) AND \n    EXISTS (\n        SELECT FROM public.changerequests_requestsubject subject\n          JOIN public.audit_erasure erasure\n            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id\n         WHERE subject.request_id = OLD.request_id)\n THEN\n            RETURN NEW;\n        END IF;\n    \n            RAISE EXCEPTION 'Refused: comment % is never changed or deleted.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="e5390275c8bce7b4a1dd9e5f6990d55282cb7d9f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_comments_stay_274bc",
                    table="changerequests_requestcomment",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="requestcomment",
            trigger=pgtrigger.compiler.Trigger(
                name="comments_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="e15265ccb8cced82dd396ea8792b190b4ab52fed",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_comments_are_never_emptied_62beb",
                    table="changerequests_requestcomment",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="requestsubject",
            index=models.Index(fields=["kind", "subject_id", "request"], name="request_subject_by_subject"),
        ),
        migrations.AddConstraint(
            model_name="requestsubject",
            constraint=models.UniqueConstraint(
                condition=models.Q(("is_open", True)),
                fields=("kind", "subject_id"),
                name="one_open_request_per_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="requestsubject",
            constraint=models.UniqueConstraint(
                fields=("request", "kind", "subject_id"), name="subject_once_per_request"
            ),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.UniqueConstraint(fields=("request", "number"), name="revision_once_per_request"),
        ),
        migrations.AddConstraint(
            model_name="requeststage",
            constraint=models.UniqueConstraint(
                fields=("revision", "position"), name="stage_position_once_per_revision"
            ),
        ),
        migrations.AddConstraint(
            model_name="requeststage",
            constraint=models.CheckConstraint(
                condition=models.Q(("approvals__gte", 1)), name="stage_needs_an_approval"
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.UniqueConstraint(
                fields=("revision", "subject"), name="proposal_once_per_revision_and_subject"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                fields=("revision", "member"), name="decision_once_per_revision_and_member"
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("on_behalf_of__isnull", False)),
                fields=("revision", "on_behalf_of"),
                name="decision_once_per_revision_and_represented_member",
            ),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("on_behalf_of__isnull", True),
                    models.Q(("on_behalf_of", models.F("member")), _negated=True),
                    _connector="OR",
                ),
                name="decision_is_on_behalf_of_somebody_else",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(PREVIOUS),
            ],
            state_operations=[
                migrations.RemoveConstraint(
                    model_name="changerequest",
                    name="one_pending_request_per_contact",
                ),
                migrations.RemoveIndex(
                    model_name="changerequest",
                    name="request_by_contact",
                ),
                migrations.RemoveField(
                    model_name="changerequest",
                    name="changes",
                ),
                migrations.RemoveField(
                    model_name="changerequest",
                    name="subject",
                ),
            ],
        ),
    ]
