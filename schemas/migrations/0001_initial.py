import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import schemas.models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(
            "CREATE SEQUENCE schemas_list_revision AS bigint",
            "DROP SEQUENCE schemas_list_revision",
        ),
        migrations.CreateModel(
            name="Schema",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=63, unique=True, verbose_name="key")),
            ],
            options={
                "verbose_name": "schema",
                "verbose_name_plural": "schemas",
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="List",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=63, unique=True, verbose_name="key")),
                ("names", models.JSONField(verbose_name="names")),
                (
                    "revision",
                    models.BigIntegerField(
                        db_default=schemas.models.NextRevision(),
                        editable=False,
                        help_text="Increases whenever the items change.",
                        verbose_name="revision",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="schemas.list",
                        verbose_name="list above",
                    ),
                ),
            ],
            options={
                "verbose_name": "list",
                "verbose_name_plural": "lists",
                "ordering": ["key"],
            },
        ),
        migrations.CreateModel(
            name="ListItem",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=100, verbose_name="key")),
                ("names", models.JSONField(verbose_name="names")),
                (
                    "order",
                    models.IntegerField(
                        default=0, help_text="Items with the same order are sorted by name.", verbose_name="order"
                    ),
                ),
                (
                    "list",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="items",
                        to="schemas.list",
                        verbose_name="list",
                    ),
                ),
                (
                    "parent",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="children",
                        to="schemas.listitem",
                        verbose_name="parent",
                    ),
                ),
            ],
            options={
                "verbose_name": "list item",
                "verbose_name_plural": "list items",
                "ordering": ["list", "order", "key"],
            },
        ),
        migrations.CreateModel(
            name="SchemaVersion",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("definition", models.JSONField(verbose_name="definition")),
                ("json_schema", models.JSONField(verbose_name="JSON Schema")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="published at")),
                ("published_by_name", models.CharField(max_length=300, verbose_name="name of the publisher")),
                (
                    "published_by",
                    models.ForeignKey(
                        blank=True,
                        help_text="Empty when an application or a command published it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="published by",
                    ),
                ),
                (
                    "schema",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="versions",
                        to="schemas.schema",
                        verbose_name="schema",
                    ),
                ),
            ],
            options={
                "verbose_name": "schema version",
                "verbose_name_plural": "schema versions",
                "ordering": ["schema", "-number"],
            },
        ),
        migrations.AddField(
            model_name="schema",
            name="current_version",
            field=models.OneToOneField(
                editable=False,
                help_text="Empty only while the schema is being created.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="schemas.schemaversion",
                verbose_name="current version",
            ),
        ),
        migrations.AddConstraint(
            model_name="list",
            constraint=models.CheckConstraint(
                condition=models.Q(("key__regex", "^[a-z][a-z0-9-]*$")), name="list_key_is_well_formed"
            ),
        ),
        migrations.AddConstraint(
            model_name="list",
            constraint=models.CheckConstraint(
                condition=models.Q(("names__has_key", "en")), name="list_names_have_english"
            ),
        ),
        migrations.AddConstraint(
            model_name="list",
            constraint=models.CheckConstraint(
                condition=models.Q(("parent", models.F("id")), _negated=True), name="list_is_not_its_own_parent"
            ),
        ),
        migrations.AddConstraint(
            model_name="listitem",
            constraint=models.UniqueConstraint(fields=("list", "key"), name="list_item_key_unique"),
        ),
        migrations.AddConstraint(
            model_name="listitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("key__regex", "^[A-Za-z0-9][A-Za-z0-9._-]*$")), name="list_item_key_is_well_formed"
            ),
        ),
        migrations.AddConstraint(
            model_name="listitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("names__has_key", "en")), name="list_item_names_have_english"
            ),
        ),
        migrations.AddConstraint(
            model_name="listitem",
            constraint=models.CheckConstraint(
                condition=models.Q(("parent", models.F("id")), _negated=True), name="list_item_is_not_its_own_parent"
            ),
        ),
        migrations.AddConstraint(
            model_name="schemaversion",
            constraint=models.UniqueConstraint(fields=("schema", "number"), name="schema_version_number_unique"),
        ),
        migrations.AddConstraint(
            model_name="schemaversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="schema_version_number_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="schema",
            constraint=models.CheckConstraint(
                condition=models.Q(("key__regex", "^[a-z][a-z0-9-]*$")), name="schema_key_is_well_formed"
            ),
        ),
        migrations.RunSQL(
            """
            CREATE FUNCTION schemas_schemaversion_is_final() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION 'a published version is never edited' USING ERRCODE = 'restrict_violation';
            END $$;
            CREATE TRIGGER schemas_schemaversion_is_final BEFORE UPDATE OR DELETE ON schemas_schemaversion
                FOR EACH ROW EXECUTE FUNCTION schemas_schemaversion_is_final();
            """,
            """
            DROP TRIGGER schemas_schemaversion_is_final ON schemas_schemaversion;
            DROP FUNCTION schemas_schemaversion_is_final();
            """,
        ),
    ]
