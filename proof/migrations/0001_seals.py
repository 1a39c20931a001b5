"""Seals over the ledger."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Seal",
            fields=[
                ("number", models.BigIntegerField(primary_key=True, serialize=False)),
                ("last", models.BigIntegerField()),
                ("body", models.TextField()),
                ("signature", models.BinaryField()),
                ("entries", models.TextField()),
            ],
            options={
                "ordering": ["number"],
                "default_permissions": (),
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="seal",
            trigger=pgtrigger.compiler.Trigger(
                name="seals_are_append_only",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'Refused for seal %: a seal is neither changed nor deleted.', OLD.number USING ERRCODE = 'integrity_constraint_violation';",
                    hash="85cf4f71ded48b53aeb847cd7bd16f1c36e2a5ff",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_seals_are_append_only_63a61",
                    table="proof_seal",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="seal",
            trigger=pgtrigger.compiler.Trigger(
                name="seals_are_never_emptied",
                sql=core.triggers.GuardSQL(
                    func="RAISE EXCEPTION 'TRUNCATE refused: nothing is ever deleted from %.', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';",
                    hash="63806ff7090454670068296a347c5b22ad92fcaa",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_seals_are_never_emptied_bc95e",
                    table="proof_seal",
                    when="BEFORE",
                ),
            ),
        ),
    ]
