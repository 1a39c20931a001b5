"""Legal entities that wait for approval, and the external ids reserved for them."""

import uuid

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("changerequests", "0020_about_member"),
        ("contacts", "0024_waiting_contacts"),
        ("legalentities", "0012_drop_moved_history"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubjectOfLegalEntityRequest",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("changerequests.requestsubject",),
        ),
        migrations.CreateModel(
            name="WaitingLegalEntity",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="uid")),
                ("name", models.TextField(blank=True, default="", verbose_name="name")),
                ("closed_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="closed")),
                ("external_id", models.CharField(blank=True, max_length=200, null=True, verbose_name="external id")),
            ],
            options={
                "ordering": ["id"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="WaitingMembership",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="contacts.contact"
                    ),
                ),
                (
                    "legal_entity",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="legalentities.waitinglegalentity",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="waitinglegalentity",
            name="contacts",
            field=models.ManyToManyField(
                related_name="+",
                through="legalentities.WaitingMembership",
                to="contacts.contact",
                verbose_name="contacts",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingmembership",
            constraint=models.UniqueConstraint(
                fields=("legal_entity", "contact"), name="waiting_legal_entity_of_contact_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitinglegalentity",
            constraint=models.UniqueConstraint(fields=("external_id",), name="legal_entity_external_id_reserved"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="waitinglegalentity",
            trigger=pgtrigger.compiler.Trigger(
                name="external_id_is_free",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.external_id IS NOT NULL)",
                    func="\n                    PERFORM pg_advisory_xact_lock(1263686486);\n                    IF EXISTS (SELECT FROM public.legalentities_legalentity present WHERE present.external_id = NEW.external_id) THEN\n                        RAISE EXCEPTION 'Refused: it is taken.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'legal_entity_external_id_unique';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="18fdb31bea9c98cbc89ee8bb3621ae228ad1b1b2",
                    operation='INSERT OR UPDATE OF "external_id"',
                    pgid="pgtrigger_external_id_is_free_77a3b",
                    table="legalentities_waitinglegalentity",
                    when="BEFORE",
                ),
            ),
        ),
    ]
