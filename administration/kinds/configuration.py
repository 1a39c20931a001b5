"""The kind of change request for what is configured: participants, holidays, and what apps above register."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from accounts.actor import Actor
from administration.configuration import CONFIGURATION, all_sorts, sort_of
from administration.kinds.documents import AdministeredKind, AdministeredPresenter
from administration.models import ConfigurationSubject
from administration.queries.configuration import document_of_subject, subjects_with_documents
from administration.services.configuration import (
    Configured,
    locked_subject,
    planned_configuration,
    write_configuration,
)
from changerequests.document_kinds import seen_by_members_with
from changerequests.kinds import NO_UID, ChoosableField, SubjectView, listed_columns
from changerequests.models import ChangeRequest
from core.documents import Change


class ConfigurationKind(AdministeredKind):
    """Something that is configured. Who may view, add or change rows of its sort sees it."""

    key = CONFIGURATION
    label = _("Configuration")
    subject_label = _("configuration")

    def visible(self, actor: Actor) -> Q | None:
        conditions = {
            sort.key: seen_by_members_with(actor, *map(sort.permission, ("view", "add", "change")))
            for sort in all_sorts()
        }
        if all(condition is None for condition in conditions.values()):
            return None
        subjects = ConfigurationSubject.objects.order_by()
        return reduce(
            or_,
            (
                Q(subject_id__in=subjects.filter(sort=key).values("pk")) & (Q() if condition is None else condition)
                for key, condition in conditions.items()
            ),
        )

    def search(self, term: str) -> QuerySet[Any, Any]:
        return ConfigurationSubject.objects.filter(name__icontains=term).order_by().values("pk")

    def subjects(self, ids: Collection[int], *, with_documents: bool = True) -> Mapping[int, SubjectView]:
        rows = subjects_with_documents(ConfigurationSubject.objects.filter(pk__in=ids))
        return {row.pk: SubjectView(row.pk, None, row.name, document_of_subject(row), row) for row in rows}

    def listed(self, ids: Collection[int], *, with_documents: bool) -> QuerySet[Any, Any]:
        rows = subjects_with_documents(ConfigurationSubject.objects.filter(pk__in=ids))
        return listed_columns(rows, kind=self.key, uid=NO_UID, name="name", document="document")

    def lock(self, *, actor: Actor, subject_id: int) -> Configured:
        return locked_subject(subject_id)

    def apply(self, *, actor: Actor, subject: Configured, changes: Sequence[Change], request: ChangeRequest) -> None:
        write_configuration(actor=actor, configured=subject, changes=changes, request=request)

    def amended(self, *, actor: Actor, subject: Configured, document: Mapping[str, Any]) -> Sequence[Change]:
        return planned_configuration(actor, subject, document)

    def presenter(self) -> "ConfigurationPresenter":
        return ConfigurationPresenter()


class ConfigurationPresenter(AdministeredPresenter):
    """Presents what is configured, with a link to its page."""

    def __init__(self) -> None:
        labels: dict[str, Any] = {}
        for sort in all_sorts():
            labels |= {sort.key: sort.label, **sort.labels}
        super().__init__(CONFIGURATION, labels)

    def choosable_fields(self) -> list[ChoosableField]:
        paths = (path for sort in all_sorts() for path in (sort.key, *(f"{sort.key}.{name}" for name in sort.columns)))
        return [ChoosableField(path, self.label_at(path)) for path in paths]

    def text(self, value: Any, *, name: str) -> str:
        if name == "date" and value is not None:
            return date_format(date.fromisoformat(value), "DATE_FORMAT")
        return super().text(value, name=name)

    def address(self, subject: SubjectView, *, user: Any) -> str | None:
        sort = sort_of(subject.row.sort)
        if subject.row.object_id is None or not user.has_perm(sort.permission("view")):
            return None
        options = sort.model._meta
        return reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[subject.row.object_id])
