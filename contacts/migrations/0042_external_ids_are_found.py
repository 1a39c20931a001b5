"""Contacts are found by external ids. A migration of its own, since locks of two tables could meet others in a deadlock."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations

import core.triggers


class Migration(migrations.Migration):
    dependencies = [("contacts", "0041_contacts_are_found")]

    operations = [
        migrations.CreateModel(
            name="ConnectionWithKeys",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("contacts.externalconnection",),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="connectionwithkeys",
            trigger=pgtrigger.compiler.Trigger(
                name="new_ids_are_found",
                sql=core.triggers.GuardSQL(
                    func="\n            PERFORM public.kontor_keep_search_keys(ARRAY(SELECT DISTINCT contact_id FROM written), false);\n            RETURN NULL;\n        ",
                    hash="1ace0f4902aaf6731ccd1f1d4c794df8958a3d80",
                    level="STATEMENT",
                    operation="INSERT",
                    pgid="pgtrigger_new_ids_are_found_17a58",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_externalconnection",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="connectionwithkeys",
            trigger=pgtrigger.compiler.Trigger(
                name="changed_ids_are_found",
                sql=core.triggers.GuardSQL(
                    func="\n            PERFORM public.kontor_keep_search_keys(ARRAY(SELECT DISTINCT contact_id FROM written), false);\n            RETURN NULL;\n        ",
                    hash="35fac2e52874f4c6672fd367e3d830b9b30d1983",
                    level="STATEMENT",
                    operation="UPDATE",
                    pgid="pgtrigger_changed_ids_are_found_592b2",
                    referencing="REFERENCING NEW TABLE AS written ",
                    table="contacts_externalconnection",
                    when="AFTER",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="connectionwithkeys",
            trigger=pgtrigger.compiler.Trigger(
                name="removed_ids_are_not_found",
                sql=core.triggers.GuardSQL(
                    func="\n            PERFORM public.kontor_keep_search_keys(ARRAY(SELECT DISTINCT contact_id FROM removed), false);\n            RETURN NULL;\n        ",
                    hash="40508fbe6f75225e80839922e1c022ea52658f9f",
                    level="STATEMENT",
                    operation="DELETE",
                    pgid="pgtrigger_removed_ids_are_not_found_1b5fe",
                    referencing="REFERENCING OLD TABLE AS removed ",
                    table="contacts_externalconnection",
                    when="AFTER",
                ),
            ),
        ),
    ]
