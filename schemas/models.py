"""Schemas with versions and drafts, and lists with items."""

import pgtrigger
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from changerequests.models import ChangeRequest
from core.jobs import UNFINISHED, LeasedJob
from core.triggers import Guard
from schemas.localization import text_in

# The kinds of change requests and ledger entries about schemas and about lists.
SCHEMA_KIND = "schema"
LIST_KIND = "list"

# Names map language codes to texts. English is mandatory, as the fallback for the others.
NAMES_HAVE_ENGLISH = models.Q(names__has_key="en")


class NextRevision(models.Func):
    """The next list revision, from a sequence, so that rolled-back numbers are never reused.

    Processes cache lists by revision: a reused number would make stale data look current.
    """

    template = "nextval('schemas_list_revision')"
    output_field = models.BigIntegerField()


class Schema(models.Model):
    """The schema of one kind of document, such as `contact` or `legal-entity`. Its versions have the content."""

    key = models.CharField(_("key"), max_length=63, unique=True)
    current_version = models.OneToOneField(
        "SchemaVersion",
        on_delete=models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("current version"),
        help_text=_("Empty only while the schema is being created."),
    )

    class Meta:
        verbose_name = _("schema")
        verbose_name_plural = _("schemas")
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(key__regex=r"^[a-z][a-z0-9-]*$"), name="schema_key_is_well_formed"
            )
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def concurrency_token(self) -> int:
        """The token that a PUT must send to prove that it has read the current version: the version's id."""
        return self.current_version_id or 0


class SchemaVersion(models.Model):
    """A published definition and the JSON Schema derived from it. Immutable, enforced by a trigger."""

    id = models.BigAutoField(primary_key=True)
    schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="versions", verbose_name=_("schema"))
    number = models.PositiveIntegerField(_("number"))
    definition = models.JSONField(_("definition"))
    json_schema = models.JSONField(_("JSON Schema"))
    created_at = models.DateTimeField(_("published at"), auto_now_add=True)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("published by"),
        help_text=_("Empty when an application or a command published it."),
    )
    published_by_name = models.CharField(_("name of the publisher"), max_length=300)

    class Meta:
        verbose_name = _("schema version")
        verbose_name_plural = _("schema versions")
        ordering = ["schema", "-number"]
        constraints = [
            models.UniqueConstraint(fields=["schema", "number"], name="schema_version_number_unique"),
            models.CheckConstraint(condition=models.Q(number__gte=1), name="schema_version_number_positive"),
        ]
        triggers = [
            Guard(
                name="schema_version_is_final",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="RAISE EXCEPTION 'a published version is never edited' USING ERRCODE = 'restrict_violation';",
            )
        ]

    def __str__(self) -> str:
        return f"{self.schema} v{self.number}"


class CheckStatus(models.TextChoices):
    PENDING = "Pending", _("Pending")
    RUNNING = "Running", _("Running")
    COMPLETED = "Completed", _("Completed")
    FAILED = "Failed", _("Failed")


class SchemaDraft(LeasedJob):
    """A proposed definition, and the result of checking the stored documents against it.

    `base` is the version that it was edited from and is compared with. The row is also the check's job: `attempts`
    counts how often a worker took it, and only the latest may write to it; `last_id` is the last document checked,
    after which the next worker resumes. `rules` has, for each violated rule, `path`, `message`, `count`, `newly` (the
    number of documents that are valid under the base) and `examples` (ids of documents that the draft's owner can see).
    `change_request` is the latest request to publish it, if that had to wait.
    """

    schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="drafts", verbose_name=_("schema"))
    base = models.ForeignKey(SchemaVersion, on_delete=models.PROTECT, related_name="+", verbose_name=_("base"))
    definition_text = models.TextField(_("definition"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("created by"),
    )
    created_by_name = models.CharField(_("name of who created it"), max_length=300)
    published_version = models.ForeignKey(
        SchemaVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("published as")
    )
    change_request = models.ForeignKey(
        ChangeRequest,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="schema_drafts",
        verbose_name=_("change request"),
    )
    status = models.CharField(_("status"), max_length=20, choices=CheckStatus, default=CheckStatus.PENDING)
    last_id = models.BigIntegerField(default=0)
    violating = models.PositiveIntegerField(_("violating"), default=0)
    newly_violating = models.PositiveIntegerField(_("newly violating"), default=0)
    rules = models.JSONField(_("rules"), default=list)

    class Meta:
        verbose_name = _("draft of a schema")
        verbose_name_plural = _("drafts of schemas")
        ordering = ["-created_at", "id"]
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=models.Q(newly_violating__lte=models.F("violating"), violating__lte=models.F("processed")),
                name="schema_draft_counts_fit",
            )
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(status__in=UNFINISHED),
                name="schema_draft_unfinished",
            )
        ]


class List(models.Model):
    """A list of choices. Its items have their parents in the list `parent`: states in countries, for example."""

    key = models.CharField(_("key"), max_length=63, unique=True)
    names = models.JSONField(_("names"))
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("list above")
    )
    revision = models.BigIntegerField(
        _("revision"),
        db_default=NextRevision(),
        editable=False,
        help_text=_("Increases whenever the items change."),
    )

    class Meta:
        verbose_name = _("list")
        verbose_name_plural = _("lists")
        ordering = ["key"]
        constraints = [
            models.CheckConstraint(condition=models.Q(key__regex=r"^[a-z][a-z0-9-]*$"), name="list_key_is_well_formed"),
            models.CheckConstraint(condition=NAMES_HAVE_ENGLISH, name="list_names_have_english"),
            models.CheckConstraint(condition=~models.Q(parent=models.F("id")), name="list_is_not_its_own_parent"),
        ]

    def __str__(self) -> str:
        return text_in(self.names, fallback=self.key)


class ListItem(models.Model):
    """An item of a list. Documents contain its key; the API uses its id where the contract says so."""

    id = models.AutoField(primary_key=True)
    list = models.ForeignKey(List, on_delete=models.PROTECT, related_name="items", verbose_name=_("list"))
    key = models.CharField(_("key"), max_length=100)
    names = models.JSONField(_("names"))
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    order = models.IntegerField(_("order"), default=0, help_text=_("Items with the same order are sorted by name."))

    class Meta:
        verbose_name = _("list item")
        verbose_name_plural = _("list items")
        ordering = ["list", "order", "key"]
        constraints = [
            models.UniqueConstraint(fields=["list", "key"], name="list_item_key_unique"),
            models.CheckConstraint(
                condition=models.Q(key__regex=r"^[A-Za-z0-9][A-Za-z0-9._-]*$"), name="list_item_key_is_well_formed"
            ),
            models.CheckConstraint(condition=NAMES_HAVE_ENGLISH, name="list_item_names_have_english"),
            models.CheckConstraint(condition=~models.Q(parent=models.F("id")), name="list_item_is_not_its_own_parent"),
        ]

    def __str__(self) -> str:
        return text_in(self.names, fallback=self.key)
