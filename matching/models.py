"""The blocking keys of contacts, and the pairs that are possibly one person. docs/duplicates.md explains both."""

from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from accounts.models import Member
from contacts.models import Contact
from core.jobs import FAILED, PENDING, RUNNING, UNFINISHED, LeasedJob
from core.triggers import Guard

# The ledger's entries that say of two contacts that they are not, or may be again, the same person: one for each.
DISTINCTION = "contact-distinction"


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
            # Without the list of what is inserted later, which each of an import's many searches would read whole.
            GinIndex("keys", name="contact_by_matching_keys", fastupdate=False),
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


class PairQuerySet(models.QuerySet["Pair"]):
    def visible_to(self, actor: Actor) -> Self:
        """Return the pairs of which the actor sees both contacts."""
        rows = Contact.objects.narrowed_to_visible(self, actor, column="lower_id")
        return Contact.objects.narrowed_to_visible(rows, actor, column="higher_id")

    def of(self, contact_id: int, others: "models.QuerySet[Contact] | list[int]") -> Self:
        """Return the pairs of a contact with each of the others."""
        return self.filter(Q(lower_id=contact_id, higher_id__in=others) | Q(higher_id=contact_id, lower_id__in=others))


class Pair(models.Model):
    """Two contacts that are possibly one person, or of whom a member has said that they are not.

    `score` is how likely it was when they were last compared. `is_open` means that somebody should look at them. Who
    says that they are different people gives a `reason`; `distinct_score` is how alike they were then, and they are
    open again once they are more alike. Values of the contacts are not kept.
    """

    # Without constraints: a contact may be distinguished from others before somebody has approved its creation.
    lower = models.ForeignKey(
        Contact,
        on_delete=models.CASCADE,
        db_constraint=False,
        db_index=False,
        related_name="+",
        verbose_name=_("contact"),
    )
    higher = models.ForeignKey(
        Contact, on_delete=models.CASCADE, db_constraint=False, related_name="+", verbose_name=_("other contact")
    )
    score = models.FloatField(_("score"))
    is_open = models.BooleanField(_("open"), default=True)
    found_at = models.DateTimeField(_("found"), default=timezone.now)
    compared_at = models.DateTimeField(_("last compared"), default=timezone.now)
    reason = models.TextField(_("reason"), blank=True, default="")
    distinct_score = models.FloatField(null=True, blank=True)
    distinct_at = models.DateTimeField(_("distinguished"), null=True, blank=True)
    distinct_by = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("distinguished by")
    )

    objects = PairQuerySet.as_manager()

    class Meta:
        verbose_name = _("possible duplicate")
        verbose_name_plural = _("possible duplicates")
        default_permissions = ("view", "add", "change")
        constraints = [
            models.UniqueConstraint(fields=["lower", "higher"], name="pair_once"),
            models.CheckConstraint(condition=Q(lower_id__lt=F("higher_id")), name="pair_in_order"),
            models.CheckConstraint(
                condition=Q(distinct_at=None, distinct_score=None, distinct_by=None, reason="")
                | Q(distinct_at__isnull=False, distinct_score__isnull=False),
                name="pair_says_who_distinguished_it",
            ),
            models.CheckConstraint(
                condition=Q(is_open=True) | Q(distinct_at__isnull=False), name="pair_is_closed_by_somebody"
            ),
        ]
        indexes = [
            models.Index(F("score").desc(), "id", condition=Q(is_open=True), name="open_pairs_best_first"),
            models.Index(
                F("distinct_at").desc(),
                "id",
                condition=Q(distinct_at__isnull=False),
                name="distinct_pairs_latest_first",
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.lower_id} · #{self.higher_id}"


class SearchStatus(models.TextChoices):
    PENDING = PENDING, _("Pending")
    RUNNING = RUNNING, _("Running")
    COMPLETED = "Completed", _("Completed")
    FAILED = FAILED, _("Failed")


class DuplicateSearch(LeasedJob):
    """A job that finds the pairs of contacts that are possibly one person: of all of them, or of those that changed.

    `since` is null for all. `last_id` is the last contact compared, after which the next worker resumes; `processed`
    and `total` count contacts. `crowded` are the keys that too many contacts share. `found` counts open pairs that
    were not known before.
    """

    status = models.CharField(_("status"), max_length=20, choices=SearchStatus, default=SearchStatus.PENDING)
    since = models.DateTimeField(_("changes since"), null=True, blank=True)
    started_by = models.ForeignKey(
        Member, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("started by")
    )
    last_id = models.BigIntegerField(default=0)
    crowded = ArrayField(models.BigIntegerField(), default=list)
    found = models.PositiveIntegerField(_("found"), default=0)

    class Meta:
        verbose_name = _("search for duplicates")
        verbose_name_plural = _("searches for duplicates")
        ordering = ["-created_at", "id"]
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(status__in=UNFINISHED), name="one_unfinished_search_for_duplicates"
            ),
        ]
        indexes = [models.Index(fields=["-created_at"], name="duplicate_searches_latest")]

    @property
    def percent(self) -> int:
        """How much of the search is done. The numbers themselves would say how many contacts there are."""
        return 100 * self.processed // self.total if self.total else 0
