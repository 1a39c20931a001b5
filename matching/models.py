"""The blocking keys of contacts. docs/duplicates.md says of what they are made."""

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from contacts.models import Contact
from core.triggers import Guard


class MatchingKeys(models.Model):
    """The hashed keys of a contact, and by which fields and rules they were made.

    A trigger empties them with every change of the details, in the same statement: `made_by` is then null, and
    `matching.services` makes them again.
    """

    # Without constraint: only triggers insert rows, contacts are never deleted, and to check it would cost each import.
    contact = models.OneToOneField(
        Contact, on_delete=models.CASCADE, primary_key=True, related_name="matching_keys", db_constraint=False
    )
    keys = ArrayField(models.BigIntegerField(), default=list, db_default=[])
    made_by = models.BigIntegerField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            GinIndex("keys", name="contact_by_matching_keys"),
            models.Index("made_by", "contact", name="matching_keys_by_rules"),
        ]

    def __str__(self) -> str:
        return str(self.contact_id)


class MatchedContact(Contact):
    """A contact, with the triggers that empty its keys."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [
            Guard(
                name="new_contacts_are_matched",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="written"),
                func="""
                    INSERT INTO public.matching_matchingkeys (contact_id) SELECT id FROM written;
                    RETURN NULL;
                """,
            ),
            Guard(
                name="changed_contacts_are_matched",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                referencing=pgtrigger.Referencing(old="before", new="written"),
                func="""
                    INSERT INTO public.matching_matchingkeys (contact_id)
                    SELECT id FROM written JOIN before USING (id)
                     WHERE written.details IS DISTINCT FROM before.details
                     ORDER BY id
                    ON CONFLICT (contact_id) DO UPDATE SET keys = '{}', made_by = NULL;
                    RETURN NULL;
                """,
            ),
        ]
