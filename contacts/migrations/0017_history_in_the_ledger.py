"""The history of contacts is in the ledger: what contacts declare of its entries and erasures."""

from importlib import import_module

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers

LEDGER = import_module("audit.migrations.0001_entries")


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0016_triggers_of_change_sets"),
        ("changerequests", "0009_entries_name_their_request"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContactEntry",
            fields=[],
            options={"proxy": True, "default_permissions": (), "indexes": [], "constraints": []},
            bases=("audit.entry",),
        ),
        migrations.CreateModel(
            name="ContactErasure",
            fields=[],
            options={"proxy": True, "default_permissions": (), "indexes": [], "constraints": []},
            bases=("audit.erasure",),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                pgtrigger.migrations.AddTrigger("contactentry", LEDGER.CONTACT_FOLLOWS_VERSIONS),
                migrations.DeleteModel("ChangeSet"),
            ]
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="contacterasure",
            trigger=pgtrigger.compiler.Trigger(
                name="only_of_anonymized_contacts",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.kind = 'contact-details')",
                    func="""
            IF EXISTS (
                SELECT FROM public.contacts_contact WHERE id = NEW.subject_id AND anonymized_at IS NOT NULL)
            THEN
                RETURN NEW;
            END IF;
            RAISE EXCEPTION 'Refused for contact %: only the entries of an anonymized contact are erased.', NEW.subject_id USING ERRCODE = 'integrity_constraint_violation';
        """,
                    hash="23a6e1a69f0452fdcdf29a6fe3579243d20523b6",
                    operation="INSERT",
                    pgid="pgtrigger_only_of_anonymized_contacts_b8546",
                    table="audit_erasure",
                    when="BEFORE",
                ),
            ),
        ),
    ]
