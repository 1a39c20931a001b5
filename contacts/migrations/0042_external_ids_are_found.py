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
                    declare="DECLARE touched integer[];",
                    func="\n            touched := ARRAY(SELECT DISTINCT contact_id FROM written);\n            PERFORM FROM public.contacts_searchkeys WHERE contact_id = ANY(touched) ORDER BY contact_id FOR UPDATE;\n            PERFORM public.kontor_keep_search_keys(touched);\n            RETURN NULL;\n        ",
                    hash="b59ecdaddd8b00863f2aec1667feac9975f634a5",
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
                    declare="DECLARE touched integer[];",
                    func="\n            touched := ARRAY(SELECT DISTINCT contact_id FROM written);\n            PERFORM FROM public.contacts_searchkeys WHERE contact_id = ANY(touched) ORDER BY contact_id FOR UPDATE;\n            PERFORM public.kontor_keep_search_keys(touched);\n            RETURN NULL;\n        ",
                    hash="d1826f4911e85d0495a25eb2a74e8d636045a215",
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
                    declare="DECLARE touched integer[];",
                    func="\n            touched := ARRAY(SELECT DISTINCT contact_id FROM removed);\n            PERFORM FROM public.contacts_searchkeys WHERE contact_id = ANY(touched) ORDER BY contact_id FOR UPDATE;\n            PERFORM public.kontor_keep_search_keys(touched);\n            RETURN NULL;\n        ",
                    hash="fd12389af344db6990c288d8e0169d9de765e011",
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
