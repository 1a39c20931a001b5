"""Legal entities and their history."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Left
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.models import Entry, Erasure
from audit.triggers import follows_versions
from changerequests.models import RequestSubject
from changerequests.models.creations import Reservations, WaitingCreation, frees_reservations
from contactgroups.models import EntityType
from contacts.models import Contact
from core.folding import Folded
from core.triggers import Guard, VersionCountsChanges, refuse
from legalentities.querysets import LegalEntityQuerySet

# The kinds of the ledger and of change requests, and the key of the schema that details follow.
LEGAL_ENTITY_DETAILS = "legal-entity"
LEGAL_ENTITY_CREATION = "legal-entity-creation"
LEGAL_ENTITY_SCHEMA = "legal-entity"

# The constraints that refuse an external id which a legal entity has, or one that is pending approval.
MAX_EXTERNAL_ID = 200
EXTERNAL_ID_UNIQUE = "legal_entity_external_id_unique"
EXTERNAL_ID_RESERVED = "legal_entity_external_id_reserved"

_EXTERNAL_IDS = Reservations(
    column="external_id",
    rows="legalentities_legalentity",
    row_subject="id",
    reserved="legalentities_waitinglegalentity",
    reserved_subject="id",
    row_constraint=EXTERNAL_ID_UNIQUE,
    reserved_constraint=EXTERNAL_ID_RESERVED,
)

# The sort key of lists, because a whole name may exceed the maximum size of an index entry.
START_OF_NAME = Left(Folded("name"), 100)


class LegalEntity(models.Model):
    """A company. Its details follow the schema `legal-entity`.

    Its group is stored only in its `contactgroups.LinkedEntity`, the row that access checks read. `(link_type, id)` is
    a foreign key to that row, so every legal entity has a link, which cannot be deleted before it. `group_id` is set
    only on rows selected `with_group`.
    """

    group_id: int

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID, null=True, blank=True)
    details = models.JSONField(_("details"), default=dict)
    name = models.GeneratedField(
        expression=Coalesce(KT("details__name"), models.Value("", output_field=models.TextField())),
        output_field=models.TextField(_("name")),
        db_persist=True,
        verbose_name=_("name"),
    )
    version = models.PositiveIntegerField(_("version"), default=1)
    # (entry_kind, id, version) is a foreign key to the ledger's entry of this version, checked when a transaction ends.
    entry_kind = models.CharField(
        max_length=40, default=LEGAL_ENTITY_DETAILS, db_default=LEGAL_ENTITY_DETAILS, editable=False
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)
    link_type = models.GeneratedField(
        expression=models.Value(EntityType.LEGAL_ENTITY.value),
        output_field=models.CharField(max_length=20),
        db_persist=True,
    )

    objects = LegalEntityQuerySet.as_manager()

    class Meta:
        verbose_name = _("legal entity")
        verbose_name_plural = _("legal entities")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["external_id"], name=EXTERNAL_ID_UNIQUE),
            models.CheckConstraint(condition=models.Q(version__gte=1), name="legal_entity_version_is_positive"),
            models.CheckConstraint(
                condition=models.Q(entry_kind=LEGAL_ENTITY_DETAILS), name="legal_entity_entry_kind_is_legal_entity"
            ),
        ]
        indexes = [
            # For `SearchTerm.parts_of`.
            GinIndex(OpClass(Folded("name"), name="gin_trgm_ops"), name="entity_by_part_folded_name"),
            models.Index(START_OF_NAME, name="entity_by_folded_name"),
        ]
        triggers = [
            *_EXTERNAL_IDS.of_rows(),
            VersionCountsChanges(name="version_counts_changes"),
            Guard(
                name="identity_is_fixed",
                when=pgtrigger.Before,
                operation=pgtrigger.UpdateOf("id"),
                condition=pgtrigger.AnyChange("id"),
                func=refuse("Refused for legal entity %: its id stays what it is.", "OLD.id"),
            ),
            Guard(
                name="legal_entities_are_never_deleted",
                when=pgtrigger.Before,
                operation=pgtrigger.Delete,
                func=refuse("Refused for legal entity %: what has a history is never deleted.", "OLD.id"),
            ),
        ]

    def __str__(self) -> str:
        return self.name or str(self.uid)

    @property
    def entries(self) -> models.QuerySet[Entry]:
        """The history of the details, latest first."""
        return Entry.objects.of(LEGAL_ENTITY_DETAILS, self.pk)


def name_of(details: Mapping[str, Any]) -> str:
    """Return the name of a legal entity that has no row yet."""
    return str(details.get("name") or "")


class WaitingLegalEntity(WaitingCreation):
    """A legal entity that somebody has asked to create. Those who see one of its contacts see the request."""

    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID, null=True, blank=True)
    contacts = models.ManyToManyField(
        Contact, through="WaitingMembership", related_name="+", verbose_name=_("contacts")
    )

    class Meta:
        default_permissions = ()
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["external_id"], name=EXTERNAL_ID_RESERVED)]
        triggers = _EXTERNAL_IDS.of_reservations()


class WaitingMembership(models.Model):
    """Links a legal entity that waits to one of the contacts that its group would have."""

    legal_entity = models.ForeignKey(WaitingLegalEntity, on_delete=models.CASCADE, related_name="+", db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="+")

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["legal_entity", "contact"], name="waiting_legal_entity_of_contact_once")
        ]

    def __str__(self) -> str:
        return f"{self.legal_entity_id} of {self.contact_id}"


class SubjectOfLegalEntityRequest(RequestSubject):
    """The subject of a request, with the rule about those that wait to be created."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [
            frees_reservations(
                name="legal_entity_waits_no_longer",
                kind=LEGAL_ENTITY_CREATION,
                statements="""
                    UPDATE public.legalentities_waitinglegalentity SET external_id = NULL, closed_at = now()
                     WHERE id = NEW.subject_id;
                """,
            )
        ]


class LegalEntityEntry(Entry):
    """A ledger entry, with the rules about entries of a legal entity."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [
            follows_versions(
                name="legal_entity_follows_versions", kind=LEGAL_ENTITY_DETAILS, table="legalentities_legalentity"
            )
        ]


class LegalEntityErasure(Erasure):
    """An erasure, refused for legal entities: a company is not a person."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [
            Guard(
                name="never_of_legal_entities",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(f"NEW.kind IN ('{LEGAL_ENTITY_DETAILS}', '{LEGAL_ENTITY_CREATION}')"),
                func=refuse("Refused for legal entity %: its history is not erased.", "NEW.subject_id"),
            )
        ]
