"""Changing what is configured. Everything that a member asks for may have to wait for somebody else."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.permissions import check_member_permission
from administration.configuration import CONFIGURATION, ConfigurationSort, sort_of
from administration.models import ConfigurationSubject
from administration.outcomes import Outcome
from administration.queries.configuration import document_of_subject, subjects_with_documents
from audit.entries import append
from changerequests.models import ChangeRequest
from changerequests.services.names import request_asking_for
from changerequests.services.submitting import approved_by, request_if_required
from core.documents import Change, Document, changes_between, with_values
from core.errors import NotFound, UnprocessableEntity, map_lock_errors


@dataclass(frozen=True, slots=True)
class Configured:
    """Something configured, locked until the transaction ends, and its document."""

    subject: ConfigurationSubject
    document: Document

    @property
    def sort(self) -> ConfigurationSort:
        return sort_of(self.subject.sort)


def locked_subject(subject_id: int) -> Configured:
    """Lock a subject and return it with its document. Raises NotFound; HeldByOthers."""
    subjects = ConfigurationSubject.objects.filter(pk=subject_id)
    with map_lock_errors():
        locked = subjects.select_for_update().first()
    if locked is None:
        raise NotFound(_("There is no such configuration."))
    return Configured(locked, document_of_subject(subjects_with_documents(subjects).get()))


def locked_configuration(*, sort: str, object_id: int) -> Configured:
    """Lock the subject of something that is configured, and return it. Raises NotFound; HeldByOthers."""
    row = sort_of(sort).model._default_manager.filter(pk=object_id).first()
    if row is None:
        raise NotFound(_("There is no such configuration."))
    subject, _is_new = ConfigurationSubject.objects.get_or_create(
        sort=sort, object_id=object_id, defaults={"name": str(row)}
    )
    return locked_subject(subject.pk)


@transaction.atomic
def add_configuration(*, actor: Actor, sort: str, target: Mapping[str, Any], comment: str | None = None) -> Outcome:
    """Add something, such as a participant. While it waits there is only its subject.

    Raises Forbidden; UnprocessableEntity `ValidationFailed`.
    """
    subject = ConfigurationSubject.objects.create(sort=sort)
    return _configure(actor, locked_subject(subject.pk), target, comment)


@transaction.atomic
def change_configuration(
    *, actor: Actor, sort: str, object_id: int, target: Mapping[str, Any], comment: str | None = None
) -> Outcome:
    """Change something that is configured. `target` has the properties that may change. Locks its subject.

    Raises NotFound; Forbidden; UnprocessableEntity `ValidationFailed`, `PendingChangeRequestExists`.
    """
    return _configure(actor, locked_configuration(sort=sort, object_id=object_id), target, comment)


def _configure(actor: Actor, configured: Configured, target: Mapping[str, Any], comment: str | None) -> Outcome:
    subject_id = configured.subject.pk
    changes = planned_configuration(actor, configured, target)
    request = request_if_required(
        kind=CONFIGURATION, subject_id=subject_id, subject=configured, changes=changes, actor=actor, comment=comment
    )
    if request is not None or not changes:
        return Outcome(subject_id, (), request)
    write_configuration(actor=actor, configured=configured, changes=changes, comment=comment)
    return Outcome(subject_id, changes)


def planned_configuration(actor: Actor, configured: Configured, target: Mapping[str, Any]) -> Sequence[Change]:
    """Return the changes to the target. A new subject gets its name. Raises Forbidden; UnprocessableEntity."""
    sort, subject = configured.sort, configured.subject
    if actor.is_member:
        check_member_permission(actor, sort.permission("add" if subject.object_id is None else "change"))
    document = _checked(configured, target)[1]
    if subject.object_id is None:
        _call(configured, document)
    changes = changes_between(configured.document, {sort.key: document})
    _check_not_asked_for(configured, changes)
    return changes


def _check_not_asked_for(configured: Configured, changes: Sequence[Change]) -> None:
    """Raise UnprocessableEntity `ValidationFailed` if an open request asks for what no two of the sort share."""
    if not configured.sort.is_title_unique:
        return
    path = f"{configured.sort.key}.{configured.sort.title}"
    for name in (change.target for change in changes if change.path == path):
        request_id = request_asking_for(kind=CONFIGURATION, path=path, name=name, but_of=configured.subject.pk)
        if request_id is not None:
            raise _invalid({path: [_("Change request %(id)s already requests the same.") % {"id": request_id}]})


def write_configuration(
    *,
    actor: Actor,
    configured: Configured,
    changes: Sequence[Change],
    comment: str | None = None,
    request: ChangeRequest | None = None,
) -> None:
    """Write changes of a locked subject, and the entry that records them. Raises UnprocessableEntity."""
    sort, subject = configured.sort, configured.subject
    target = with_values(configured.document, {change.path: change.target for change in changes})[sort.key]
    row, document = _checked(configured, target)
    try:
        with transaction.atomic():
            # The row may have columns that are no configuration, and change meanwhile.
            row.save(update_fields=None if row.pk is None else list(sort.columns.values()))
    except IntegrityError as error:
        # Somebody was faster than the check.
        raise _invalid({f"{sort.key}.{sort.title}": [_("This is in use already.")]}) from error
    subject.object_id = row.pk
    _call(configured, document)
    append(
        kind=CONFIGURATION,
        subject_id=subject.pk,
        actor=actor,
        changes=changes,
        **({"comment": comment} if request is None else approved_by(request)),
    )


def _checked(configured: Configured, target: Mapping[str, Any]) -> tuple[Model, Document]:
    """Return the unsaved row and its whole document. Raises UnprocessableEntity `ValidationFailed` by path."""
    sort, object_id = configured.sort, configured.subject.object_id
    faults = {f"{sort.key}.{name}": [_("There is no such field.")] for name in target if name not in sort.columns}
    if faults:
        raise _invalid(faults)
    row = sort.model() if object_id is None else sort.model._default_manager.get(pk=object_id)
    try:
        return row, sort.checked(row, target)
    except ValidationError as error:
        names = {column: name for name, column in sort.columns.items()}
        raise _invalid(
            {f"{sort.key}.{names.get(column, column)}": found for column, found in error.message_dict.items()}
        ) from error


def _call(configured: Configured, document: Mapping[str, Any]) -> None:
    """Give the subject the name that the document has."""
    subject = configured.subject
    subject.name = configured.sort.called(document)
    subject.save(update_fields=["object_id", "name"])


def _invalid(faults: Mapping[str, Sequence[str]]) -> UnprocessableEntity:
    return UnprocessableEntity(_("This configuration is not valid."), sub_code="ValidationFailed", properties=faults)
