"""The history of a group is erased once only anonymized contacts are left in it."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0003_one_sequence_of_each_subject"),
        ("contactgroups", "0002_search_by_external_id"),
    ]

    operations = [
        migrations.CreateModel(
            name="GroupErasure",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("audit.erasure",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="grouperasure",
            trigger=pgtrigger.compiler.Trigger(
                name="only_of_groups_of_anonymized_contacts",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.kind = 'contact-group')",
                    func="""
                    IF NOT EXISTS (
                        SELECT FROM public.contactgroups_groupmembership membership
                          JOIN public.contacts_contact contact ON contact.id = membership.contact_id
                         WHERE membership.group_id = NEW.subject_id AND contact.anonymized_at IS NULL)
                       AND EXISTS (
                        SELECT FROM (
                            SELECT membership.contact_id AS id FROM public.contactgroups_groupmembership membership
                             WHERE membership.group_id = NEW.subject_id
                            UNION
                            SELECT split_part(path, '.', 2)::integer FROM (
                                SELECT unnest(entry.paths) AS path FROM public.audit_entry entry
                                 WHERE entry.kind = NEW.kind AND entry.subject_id = NEW.subject_id
                                UNION
                                SELECT unnest(request.paths) FROM public.changerequests_changerequest request
                                  JOIN public.changerequests_requestsubject subject ON subject.request_id = request.id
                                 WHERE subject.kind = NEW.kind AND subject.subject_id = NEW.subject_id) AS named
                             WHERE path LIKE 'members.%') AS one
                          JOIN public.contacts_contact contact ON contact.id = one.id
                         WHERE contact.anonymized_at IS NOT NULL)
                    THEN
                        RETURN NEW;
                    END IF;
                    RAISE EXCEPTION 'Refused for group %: the history of a group of others is not erased.', NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';
                """,
                    hash="841c04eb7fba33bfb64eee6e4c880af8cb806ecf",
                    operation="INSERT",
                    pgid="pgtrigger_only_of_groups_of_anonymized_contacts_8026d",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
    ]
