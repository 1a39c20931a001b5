"""The impact of a draft on stored documents, prepared for the page: field labels and links to example documents."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from schemas.definition import Definition
from schemas.document_sources import documents_of
from schemas.fields import fields_of
from schemas.models import SchemaDraft


@dataclass(frozen=True, slots=True)
class Example:
    """A document that violates a rule. `address` is None if the viewer may not open its page."""

    name: str
    address: str | None


@dataclass(frozen=True, slots=True)
class ShownRule:
    label: str
    path: str
    message: str
    count: int
    newly: int
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class ShownImpact:
    """`noun` is the plural name of the documents; empty if no app stores documents of the schema."""

    noun: str
    rules: tuple[ShownRule, ...]


def shown_impact(request: HttpRequest, draft: SchemaDraft, definition: Definition | None) -> ShownImpact:
    """Return the rules that documents violate, without examples that the viewer cannot see."""
    store = documents_of(draft.schema.key)
    if store is None:
        return ShownImpact("", ())
    opts = store.rows.model._meta
    wanted = {identity for rule in draft.rules for identity in rule["examples"]}
    visible = store.visible_to_user(request.user.pk).filter(pk__in=wanted).defer("details") if wanted else ()
    rows: dict[int, Any] = {row.pk: row for row in visible}
    may_open = request.user.has_perm(f"{opts.app_label}.view_{opts.model_name}")
    labels = {path: field.label() for path, field in fields_of(definition).items()} if definition else {}

    def example(row: Any) -> Example:
        address = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]) if may_open else None
        return Example(str(row), address)

    return ShownImpact(
        noun=str(opts.verbose_name_plural),
        rules=tuple(
            ShownRule(
                label=labels.get(rule["path"], rule["path"]),
                path=rule["path"],
                message=rule["message"],
                count=rule["count"],
                newly=rule["newly"],
                examples=tuple(example(rows[identity]) for identity in rule["examples"] if identity in rows),
            )
            for rule in draft.rules
        ),
    )
