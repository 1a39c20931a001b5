"""Contacts that wait for approval, and what is reserved for them."""

import uuid

import django.db.models.deletion
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

import core.triggers


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_owners_of_applications"),
        ("changerequests", "0020_about_member"),
        ("contacts", "0023_erasures_of_identities"),
    ]

    operations = [
        migrations.CreateModel(
            name="SubjectOfContactRequest",
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
            name="WaitingContact",
            fields=[
                ("id", models.IntegerField(primary_key=True, serialize=False)),
                ("uid", models.UUIDField(default=uuid.uuid4, editable=False, unique=True, verbose_name="uid")),
                ("name", models.TextField(blank=True, default="", verbose_name="name")),
                ("closed_at", models.DateTimeField(blank=True, editable=False, null=True, verbose_name="closed")),
                ("username", models.CharField(blank=True, max_length=254, null=True, verbose_name="username")),
            ],
            options={
                "ordering": ["id"],
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="ReservedExternalId",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_id", models.CharField(max_length=200, verbose_name="external id")),
                (
                    "contact",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="external_ids",
                        to="contacts.waitingcontact",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="WaitingAssignment",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "member",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.member"
                    ),
                ),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contacts.waitingcontact",
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="WaitingParticipant",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "contact",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="contacts.waitingcontact",
                    ),
                ),
                (
                    "participant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="accounts.participant"
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.AddField(
            model_name="waitingcontact",
            name="members",
            field=models.ManyToManyField(
                related_name="+", through="contacts.WaitingAssignment", to="accounts.member", verbose_name="members"
            ),
        ),
        migrations.AddField(
            model_name="waitingcontact",
            name="participants",
            field=models.ManyToManyField(
                related_name="+",
                through="contacts.WaitingParticipant",
                to="accounts.participant",
                verbose_name="participants",
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingassignment",
            constraint=models.UniqueConstraint(fields=("contact", "member"), name="waiting_contact_assigned_once"),
        ),
        migrations.AddConstraint(
            model_name="reservedexternalid",
            constraint=models.UniqueConstraint(fields=("external_id",), name="external_id_reserved"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reservedexternalid",
            trigger=pgtrigger.compiler.Trigger(
                name="external_id_is_free",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.external_id IS NOT NULL)",
                    func="\n                    PERFORM pg_advisory_xact_lock(1263686486);\n                    IF EXISTS (SELECT FROM public.contacts_externalconnection present WHERE present.external_id = NEW.external_id) THEN\n                        RAISE EXCEPTION 'Refused: it is taken.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'external_id_unique';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="a7175fc13be2c994c7e432a3b1da02a75edffdcb",
                    operation='INSERT OR UPDATE OF "external_id"',
                    pgid="pgtrigger_external_id_is_free_337e6",
                    table="contacts_reservedexternalid",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingparticipant",
            constraint=models.UniqueConstraint(
                fields=("contact", "participant"), name="waiting_contact_in_participant_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="waitingcontact",
            constraint=models.UniqueConstraint(
                django.db.models.functions.text.Upper("username"), name="contact_username_reserved"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="waitingcontact",
            trigger=pgtrigger.compiler.Trigger(
                name="username_is_free",
                sql=core.triggers.GuardSQL(
                    condition="WHEN (NEW.username IS NOT NULL)",
                    func="\n                    PERFORM pg_advisory_xact_lock(1263686486);\n                    IF EXISTS (SELECT FROM public.contacts_contact present WHERE upper(present.username) = upper(NEW.username)) THEN\n                        RAISE EXCEPTION 'Refused: it is taken.' USING ERRCODE = 'unique_violation', CONSTRAINT = 'contact_username_unique_ignoring_case';\n                    END IF;\n                    RETURN NEW;\n                ",
                    hash="2febbe77821a0288b8f84e9dac44c861c904e940",
                    operation='INSERT OR UPDATE OF "username"',
                    pgid="pgtrigger_username_is_free_15ba2",
                    table="contacts_waitingcontact",
                    when="BEFORE",
                ),
            ),
        ),
    ]
