"""Merges of contacts."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("contacts", "0044_index_of_merged_contacts"),
        ("audit", "0005_index_of_transactions"),
    ]

    operations = [
        migrations.CreateModel(
            name="Merge",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version_before", models.PositiveIntegerField()),
                ("version_after", models.PositiveIntegerField()),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
            ],
            options={
                "verbose_name": "merge",
                "verbose_name_plural": "merges",
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="merge",
            name="loser",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="contacts.contact",
                verbose_name="merged contact",
            ),
        ),
        migrations.AddField(
            model_name="merge",
            name="made_by",
            field=models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="audit.entry"),
        ),
        migrations.AddField(
            model_name="merge",
            name="survivor",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="merges",
                to="contacts.contact",
                verbose_name="survivor",
            ),
        ),
        migrations.AddField(
            model_name="merge",
            name="undone_by",
            field=models.OneToOneField(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="audit.entry"
            ),
        ),
        migrations.AddConstraint(
            model_name="merge",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_by__isnull", True)), fields=("loser",), name="contact_merged_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="merge",
            trigger=pgtrigger.compiler.Trigger(
                name="merges_have_entries",
                sql=core.triggers.GuardSQL(
                    func="\n            IF NEW.undone_by_id IS NOT NULL OR NEW.survivor_id = NEW.loser_id\n            OR NOT \n    EXISTS (SELECT FROM public.audit_entry WHERE id = NEW.made_by_id AND kind = 'merge' AND subject_id = NEW.loser_id)\n THEN\n                RAISE EXCEPTION 'Refused: the merge of contact % is in the ledger before it counts.', NEW.loser_id USING ERRCODE = 'integrity_constraint_violation';\n            END IF;\n            RETURN NEW;\n        ",
                    hash="7ba295faa431f7fd6b3b516822fe89eb1b71fdbd",
                    operation="INSERT",
                    pgid="pgtrigger_merges_have_entries_31ed8",
                    table="contacts_merge",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="merge",
            trigger=pgtrigger.compiler.Trigger(
                name="merges_are_undone_once",
                sql=core.triggers.GuardSQL(
                    func="\n            IF TG_OP = 'UPDATE'\n               AND (NEW.id, NEW.survivor_id, NEW.loser_id, NEW.made_by_id, NEW.version_before, NEW.version_after,\n                    NEW.before, NEW.after)\n                   = (OLD.id, OLD.survivor_id, OLD.loser_id, OLD.made_by_id, OLD.version_before, OLD.version_after,\n                      OLD.before, OLD.after)\n               AND OLD.undone_by_id IS NULL\n               AND \n    EXISTS (SELECT FROM public.audit_entry WHERE id = NEW.undone_by_id AND kind = 'unmerge' AND subject_id = NEW.loser_id)\n THEN\n                RETURN NEW;\n            END IF;\n            RAISE EXCEPTION 'Refused for merge %: it stays, and is undone once.', OLD.id USING ERRCODE = 'integrity_constraint_violation';\n        ",
                    hash="5a183dfd7e76b34c8986035d2eff9f47655ff53c",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_merges_are_undone_once_41dc8",
                    table="contacts_merge",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="merge",
            trigger=pgtrigger.compiler.Trigger(
                name="merges_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="c5dd259e65c4cc0f8b55f10a226395332203f564",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_merges_are_never_emptied_2c697",
                    table="contacts_merge",
                    when="BEFORE",
                ),
            ),
        ),
    ]
