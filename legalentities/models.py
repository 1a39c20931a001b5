"""Legal entities and their history."""

from uuid import uuid4

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.fields.json import KT
from django.db.models.functions import Coalesce, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from contactgroups.models import EntityType
from contacts.models import ONE_PERSON, History
from core.triggers import Guard, NeverEmptied, VersionCountsChanges, refuse
from legalentities.querysets import LegalEntityQuerySet

# The key of the schema that details follow.
LEGAL_ENTITY_SCHEMA = "legal-entity"

EXTERNAL_ID_UNIQUE = "legal_entity_external_id_unique"


class LegalEntity(models.Model):
    """A company. Its details follow the schema `legal-entity`.

    Its group is stored only in its `contactgroups.LinkedEntity`, the row that access checks read. `(link_type, id)` is
    a foreign key to that row, so every legal entity has a link, which cannot be deleted before it. `group_id` is set
    only on rows selected `with_group`.
    """

    group_id: int

    uid = models.UUIDField(_("uid"), default=uuid4, unique=True, editable=False)
    external_id = models.CharField(_("external id"), max_length=200, null=True, blank=True)
    details = models.JSONField(_("details"), default=dict)
    name = models.GeneratedField(
        expression=Coalesce(KT("details__name"), models.Value("", output_field=models.TextField())),
        output_field=models.TextField(_("name")),
        db_persist=True,
        verbose_name=_("name"),
    )
    version = models.PositiveIntegerField(_("version"), default=1)
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
        ]
        indexes = [
            # For `name__icontains`, which compiles to the same expression.
            GinIndex(OpClass(Upper("name"), name="gin_trgm_ops"), name="legal_entity_by_part_of_name")
        ]
        triggers = [VersionCountsChanges(name="version_counts_changes")]

    def __str__(self) -> str:
        return self.name or str(self.uid)


class LegalEntityChangeSet(History):
    """The changes that one submission made to a legal entity. Append-only, enforced by triggers."""

    legal_entity = models.ForeignKey(LegalEntity, on_delete=models.PROTECT, related_name="change_sets")

    class Meta(History.Meta):
        verbose_name = _("change set")
        verbose_name_plural = _("change sets")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["legal_entity", "version"], name="change_set_version_once_per_legal_entity"
            ),
            models.CheckConstraint(condition=ONE_PERSON, name="legal_entity_change_set_has_one_initiating_person"),
        ]
        triggers = [
            Guard(
                name="history_is_append_only",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func=refuse("The history is append-only: % of change set % refused.", "TG_OP", "OLD.id"),
            ),
            NeverEmptied(name="history_is_never_emptied"),
        ]
