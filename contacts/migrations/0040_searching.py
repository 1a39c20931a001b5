"""By what contacts are found: the tables and functions. The rows of contacts that there are come in the background."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

import contacts.models.searching
from contacts.models.search_sql import KEY, SPELT, WITHOUT_E, WITHOUT_MARKS, WORDS

# As they were before contacts could be merged.
VALUES = """
CREATE OR REPLACE FUNCTION public.kontor_search_values(contact integer, details jsonb, username text)
RETURNS TABLE (path text, kind text, value text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT field.path, field.kind, found.value #>> '{}'
      FROM public.contacts_searchfield field
     CROSS JOIN LATERAL jsonb_path_query(details, field.place, '{}', true) AS found(value)
     WHERE jsonb_typeof(found.value) IN ('string', 'number')
     UNION ALL
    SELECT 'username', 'code', username WHERE username IS NOT NULL
     UNION ALL
    SELECT 'externalConnections.' || connection.system, 'code', connection.external_id
      FROM public.contacts_externalconnection connection WHERE connection.contact_id = contact
$$
"""
KEEP = """
CREATE OR REPLACE FUNCTION public.kontor_keep_search_keys(contacts integer[], are_new boolean) RETURNS void
LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE
    before text[];
BEGIN
    IF NOT are_new THEN
        PERFORM FROM public.contacts_searchkeys WHERE contact_id = ANY(contacts) ORDER BY contact_id FOR UPDATE;
        before := ARRAY(SELECT public.kontor_spelt_words(contacts));
    END IF;
    INSERT INTO public.contacts_searchkeys AS kept (contact_id, keys)
    SELECT contact.id,
           ' ' || public.kontor_search_key('name', NULL, btrim(split_part(folded.words, U&'\\0001', 1))) || E' \\n '
           || public.kontor_search_key('text', NULL, btrim(split_part(folded.words, U&'\\0001', 2))) || E' \\n '
           || concat_ws(' ', btrim(split_part(folded.words, U&'\\0001', 3)), found.others) || ' '
      FROM public.contacts_contact contact
     CROSS JOIN LATERAL (
        SELECT concat(string_agg(one.value, ' ') FILTER (WHERE one.kind = 'name'), U&'\\0001',
                      string_agg(one.value, ' ') FILTER (WHERE one.kind = 'text'), U&'\\0001',
                      string_agg(one.value, ' ') FILTER (WHERE one.kind = 'code')) AS texts,
               string_agg(CASE WHEN one.kind IN ('date', 'phone')
                               THEN public.kontor_search_key(one.kind, one.value, NULL)
                               ELSE public.kontor_without_marks(one.value) END, ' ') AS others
          FROM public.kontor_search_values(contact.id, contact.details, contact.username) AS one
     ) AS found
     -- OFFSET 0: otherwise the folding would be repeated for each use of it.
     CROSS JOIN LATERAL (SELECT public.kontor_words(found.texts) AS words OFFSET 0) AS folded
     WHERE contact.id = ANY(contacts)
     ORDER BY contact.id
    ON CONFLICT (contact_id) DO UPDATE SET keys = EXCLUDED.keys WHERE kept.keys <> EXCLUDED.keys;
    INSERT INTO public.contacts_searchword (word)
    SELECT one.word FROM public.kontor_spelt_words(contacts) AS one(word)
     WHERE NOT EXISTS (SELECT FROM public.contacts_searchword known WHERE known.word = one.word);
    -- What nobody has any more may name somebody who was anonymized.
    DELETE FROM public.contacts_searchword
     WHERE word IN (SELECT unnest(before) EXCEPT SELECT public.kontor_spelt_words(contacts))
       AND NOT EXISTS (SELECT FROM public.contacts_searchkeys WHERE keys LIKE '% ' || word || ' %');
END
$$
"""
FUNCTIONS = (WORDS, WITHOUT_E, KEY, WITHOUT_MARKS, VALUES, SPELT, KEEP)


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
