"""By what contacts are found: the fields of the schema that are searchable, and the keys of each contact.

Triggers keep the keys with every write. docs/search.md describes them.
"""

from typing import Any

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models

from contacts.models.contact import Contact, ExternalConnection
from core.triggers import Guard


class JsonPathField(models.TextField):
    """A jsonpath of PostgreSQL."""

    def db_type(self, connection: Any) -> str:
        return "jsonpath"


class SearchKind(models.TextChoices):
    """How a value becomes a key, as `kontor_search_key` does it. A code has no umlauts that are written with e."""

    NAME = "name"
    TEXT = "text"
    CODE = "code"
    PHONE = "phone"
    DATE = "date"


class SearchField(models.Model):
    """A field of the published schema by which contacts are found. `place` is its path in the details."""

    path = models.TextField(unique=True)
    place = JsonPathField()
    kind = models.CharField(max_length=10, choices=SearchKind)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return self.path


class SearchFill(models.Model):
    """The one row that says how far the keys follow the fields, since these last changed.

    `version` is that of the schema which the fields are those of. Contacts up to the id `filled_to` have their keys;
    null means all. The transactions in `awaited` may still write keys of the fields before.
    """

    version = models.IntegerField(null=True)
    filled_to = models.IntegerField(null=True)
    awaited = ArrayField(models.TextField(), null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.version}: {self.filled_to}"


class SearchKeys(models.Model):
    """The keys of a contact, as `kontor_keep_search_keys` writes them: those of names in the first line.

    Each is a word or several, folded, with spaces around it.
    """

    # Without constraint: only triggers write the rows, contacts are never deleted, and to check it costs each import.
    contact = models.OneToOneField(
        Contact, on_delete=models.CASCADE, primary_key=True, related_name="search_keys", db_constraint=False
    )
    keys = models.TextField()

    class Meta:
        default_permissions = ()
        indexes = [GinIndex(OpClass("keys", name="gin_trgm_ops"), name="contact_by_search_keys")]

    def __str__(self) -> str:
        return str(self.contact_id)


class SearchWord(models.Model):
    """A word of names and other texts of contacts, without saying whose. Some are there twice."""

    word = models.TextField()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index("word", name="search_word"),
            GinIndex(OpClass("word", name="gin_trgm_ops"), name="search_word_by_part"),
        ]

    def __str__(self) -> str:
        return self.word


class ContactWithKeys(Contact):
    """A contact, with the triggers that keep its keys."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [
            Guard(
                name="new_contacts_are_found",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="written"),
                func="""
                    PERFORM public.kontor_keep_search_keys(ARRAY(SELECT id FROM written), true);
                    RETURN NULL;
                """,
            ),
            Guard(
                name="changed_contacts_are_found",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                referencing=pgtrigger.Referencing(old="before", new="written"),
                declare=[("touched", "integer[]")],
                func="""
                    touched := ARRAY(
                        SELECT id FROM written JOIN before USING (id)
                         WHERE (written.details, written.username, written.merged_into_id)
                            IS DISTINCT FROM (before.details, before.username, before.merged_into_id)
                         UNION
                        SELECT survivor FROM written JOIN before USING (id)
                         CROSS JOIN unnest(ARRAY[written.merged_into_id, before.merged_into_id]) AS survivor
                         WHERE written.merged_into_id IS DISTINCT FROM before.merged_into_id
                           AND survivor IS NOT NULL);
                    IF cardinality(touched) > 0 THEN
                        PERFORM public.kontor_keep_search_keys(touched, false);
                    END IF;
                    RETURN NULL;
                """,
            ),
        ]


def _of_connections(name: str, operation: Any, **transition: str) -> Guard:
    (table,) = transition.values()
    return Guard(
        name=name,
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=operation,
        referencing=pgtrigger.Referencing(**transition),
        func=f"""
            PERFORM public.kontor_keep_search_keys(ARRAY(SELECT DISTINCT contact_id FROM {table}), false);
            RETURN NULL;
        """,  # noqa: S608 - constants
    )


class ConnectionWithKeys(ExternalConnection):
    """An external connection, with the triggers that keep the keys of its contact."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [
            _of_connections("new_ids_are_found", pgtrigger.Insert, new="written"),
            _of_connections("changed_ids_are_found", pgtrigger.Update, new="written"),
            _of_connections("removed_ids_are_not_found", pgtrigger.Delete, old="removed"),
        ]
