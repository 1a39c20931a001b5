"""Contact groups, their memberships and their linked entities."""

from typing import Self

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from audit.models import Erasure
from contacts.models import Contact
from core.folding import Folded
from core.triggers import Guard, refuse
from schemas.models import ListItem

# The kind of change requests about groups, and of their entries in the ledger.
CONTACT_GROUP = "contact-group"

# The key of the list of access policies, and of the policy that a contact gets in a group created under it.
ACCESS_POLICIES = "access-policy"
OWNER = "owner"

# Limits of the API and the admin. A search returns up to 200 groups, so one group must be far smaller than a body.
MAX_NAME = 500
MAX_EXTERNAL_ID = 200
MAX_CUSTOM_ATTRIBUTES = 20_000


class EntityType(models.TextChoices):
    """Types of entities that a group can be linked to. The values are part of the API contract."""

    ACCOUNT = "Account", _("Account")
    LEGAL_ENTITY = "LegalEntity", _("Legal entity")
    PORTFOLIO = "Portfolio", _("Portfolio")
    PORTFOLIO_PROPOSAL = "PortfolioProposal", _("Portfolio proposal")


class ContactGroupQuerySet(models.QuerySet["ContactGroup"]):
    def visible_to(self, actor: Actor) -> Self:
        """Filter to groups with a contact that the actor sees. Actors that see all contacts also see empty groups."""
        if Contact.objects.all_seen_by(actor):
            return self
        return self.filter(Exists(GroupMembership.objects.visible_to(actor).filter(group=OuterRef("pk"))))


class ContactGroup(models.Model):
    """A group of contacts that share access to entities."""

    name = models.TextField(_("name"), max_length=MAX_NAME, null=True, blank=True)
    external_id = models.CharField(_("external id"), max_length=MAX_EXTERNAL_ID, null=True, blank=True)
    custom_attributes = models.TextField(
        _("custom attributes"), max_length=MAX_CUSTOM_ATTRIBUTES, null=True, blank=True
    )
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    objects = ContactGroupQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact group")
        verbose_name_plural = _("contact groups")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["external_id"],
                name="group_external_id_unique",
                violation_error_message=_("A group has this external id already."),
            )
        ]
        indexes = [
            # For `FoldedLike`.
            GinIndex(OpClass(Folded("name"), name="gin_trgm_ops"), name="group_by_part_folded_name", fastupdate=False),
            # For `external_id__iexact`, which compiles to the same expression.
            models.Index(Upper("external_id"), name="group_by_external_id"),
        ]

    def __str__(self) -> str:
        return self.name or self.external_id or f"#{self.pk}"


class GroupMembershipQuerySet(models.QuerySet["GroupMembership"]):
    def visible_to(self, actor: Actor) -> Self:
        """Filter to memberships of contacts that the actor sees."""
        return Contact.objects.narrowed_to_visible(self, actor)


class GroupMembership(models.Model):
    """Membership of a contact in a group, with its access policy."""

    # No index of its own: the unique index starts with the group.
    group = models.ForeignKey(
        ContactGroup, on_delete=models.CASCADE, related_name="memberships", db_index=False, verbose_name=_("group")
    )
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, related_name="group_memberships", verbose_name=_("contact")
    )
    access_policy = models.ForeignKey(
        ListItem,
        on_delete=models.PROTECT,
        related_name="+",
        limit_choices_to={"list__key": ACCESS_POLICIES},
        verbose_name=_("access policy"),
    )

    objects = GroupMembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["group", "contact"],
                name="contact_in_group_once",
                violation_error_message=_("The contact is in this group already."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.contact_id} in {self.group_id}"


class LinkedEntity(models.Model):
    """An entity that a group has access to. An entity can be linked to one group only."""

    group = models.ForeignKey(
        ContactGroup, on_delete=models.PROTECT, related_name="linked_entities", verbose_name=_("group")
    )
    entity_type = models.CharField(_("type of entity"), max_length=20, choices=EntityType)
    entity_id = models.IntegerField(_("id of the entity"), validators=[MinValueValidator(1)])

    class Meta:
        verbose_name = _("linked entity")
        verbose_name_plural = _("linked entities")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["entity_type", "entity_id"],
                name="entity_in_one_group",
                violation_error_message=_("The entity is linked to a group already."),
            ),
            models.CheckConstraint(condition=models.Q(entity_id__gte=1), name="entity_id_is_positive"),
            models.CheckConstraint(condition=models.Q(entity_type__in=EntityType.values), name="entity_type_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.entity_type} {self.entity_id}"


class GroupErasure(Erasure):
    """An erasure, refused for groups with contacts that are not anonymized, and for those that had no other ones."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers = [
            Guard(
                name="only_of_groups_of_anonymized_contacts",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                condition=pgtrigger.Condition(f"NEW.kind = '{CONTACT_GROUP}'"),
                func=f"""
                    IF NOT EXISTS (
                        SELECT FROM public.contactgroups_groupmembership membership
                          JOIN public.contacts_contact contact ON contact.id = membership.contact_id
                         WHERE membership.group_id = NEW.subject_id AND contact.anonymized_at IS NULL)
                       AND EXISTS (
                        SELECT FROM (
                            SELECT membership.contact_id AS id FROM public.contactgroups_groupmembership membership
                             WHERE membership.group_id = NEW.subject_id
                            UNION
                            SELECT split_part(path, '.', 2)::integer FROM (
                                SELECT unnest(entry.paths) AS path FROM public.audit_entry entry
                                 WHERE entry.kind = NEW.kind AND entry.subject_id = NEW.subject_id
                                UNION
                                SELECT unnest(request.paths) FROM public.changerequests_changerequest request
                                  JOIN public.changerequests_requestsubject subject ON subject.request_id = request.id
                                 WHERE subject.kind = NEW.kind AND subject.subject_id = NEW.subject_id) AS named
                             WHERE path LIKE 'members.%') AS one
                          JOIN public.contacts_contact contact ON contact.id = one.id
                         WHERE contact.anonymized_at IS NOT NULL)
                    THEN
                        RETURN NEW;
                    END IF;
                    {refuse("Refused for group %: the history of a group of others is not erased.", "NEW.subject_id")}
                """,  # noqa: S608 - constants
            )
        ]
