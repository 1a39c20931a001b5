"""What an institution's data may hold: schemas with their versions, and lists with their items."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from schemas.localization import text_in

# Language code -> text. English is always there: it stands in for the others.
NAMES_HAVE_ENGLISH = models.Q(names__has_key="en")


class NextRevision(models.Func):
    """A number that was never given out before, not even to a transaction that was rolled back.

    Processes hold what they read by revision; a number used twice would make them take old data for new.
    """

    template = "nextval('schemas_list_revision')"
    output_field = models.BigIntegerField()


class Schema(models.Model):
    """What one kind of document follows: `contact`, `legal-entity`. Its content stands in its versions."""

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
        """What a PUT must name to show that it has read what it replaces: versions never share an id."""
        return self.current_version_id or 0


class SchemaVersion(models.Model):
    """A definition as it was published, and the JSON Schema derived from it. A trigger refuses changes to the row."""

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

    def __str__(self) -> str:
        return f"{self.schema_id} v{self.number}"


class List(models.Model):
    """Named choices. `parent` is the list above it: the states' is the countries."""

    key = models.CharField(_("key"), max_length=63, unique=True)
    names = models.JSONField(_("names"))
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("list above")
    )
    revision = models.BigIntegerField(
        _("revision"),
        db_default=NextRevision(),
        editable=False,
        help_text=_("Goes up whenever the items change."),
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
    """A choice. Documents hold its key; the API hands out its id where the contract says so."""

    id = models.AutoField(primary_key=True)
    list = models.ForeignKey(List, on_delete=models.PROTECT, related_name="items", verbose_name=_("list"))
    key = models.CharField(_("key"), max_length=100)
    names = models.JSONField(_("names"))
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("parent")
    )
    order = models.IntegerField(_("order"), default=0, help_text=_("Items of one order are sorted by name."))

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
