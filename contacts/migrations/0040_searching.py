"""By what contacts are found: the tables and functions. The rows of contacts that there are come in the background."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import contacts.models.searching
from contacts.models.search_sql import FUNCTIONS


class Migration(migrations.Migration):
    dependencies = [("contacts", "0039_reserved_text_has_one_form"), ("core", "0002_folded_text")]

    operations = [
        migrations.CreateModel(
            name="SearchField",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.TextField(unique=True)),
                ("place", contacts.models.searching.JsonPathField()),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("name", "Name"),
                            ("text", "Text"),
                            ("code", "Code"),
                            ("phone", "Phone"),
                            ("date", "Date"),
                        ],
                        max_length=10,
                    ),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SearchFill",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("version", models.IntegerField(null=True)),
                ("filled_to", models.IntegerField(null=True)),
                (
                    "awaited",
                    django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), null=True, size=None),
                ),
            ],
            options={
                "default_permissions": (),
            },
        ),
        migrations.CreateModel(
            name="SearchKeys",
            fields=[
                (
                    "contact",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="search_keys",
                        serialize=False,
                        to="contacts.contact",
                    ),
                ),
                ("keys", models.TextField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.indexes.OpClass("keys", name="gin_trgm_ops"),
                        name="contact_by_search_keys",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SearchWord",
            fields=[
                ("id", models.AutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("word", models.TextField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [
                    models.Index(models.F("word"), name="search_word"),
                    django.contrib.postgres.indexes.GinIndex(
                        django.contrib.postgres.indexes.OpClass("word", name="gin_trgm_ops"), name="search_word_by_part"
                    ),
                ],
            },
        ),
        *(migrations.RunSQL(function, migrations.RunSQL.noop) for function in FUNCTIONS),
    ]
