"""Changing list items. Each change sets a new list revision, which invalidates the caches of all processes."""

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.actor import Actor
from audit.entries import append
from changerequests.models import ChangeRequest
from changerequests.services.locks import hold_back_proposals
from changerequests.services.submitting import approved_by, request_if_required
from core.documents import Change, Document, changes_between, with_values
from core.errors import NotFound, UnprocessableEntity
from core.text import in_one_form, normalized, required_line_faults
from schemas.items import code_of, item_as_document, key_of, list_as_document
from schemas.models import LIST_KIND, List, ListItem, NextRevision
from schemas.moved_items import documents_broken_by_move
from schemas.queries import data_of_lists, is_item_in_use

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = 200
MAX_ORDER = 2**31 - 1

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class LockedList:
    """A list that is locked until the transaction ends, and its items as a document (`schemas.items`)."""

    def __init__(self, row: List) -> None:
        self.row = row
        self._in_use: dict[str, bool] = {}

    @cached_property
    def document(self) -> Document:
        return list_as_document(data_of_lists([self.row])[self.row.key])

    @property
    def items(self) -> Document:
        items: Document = self.document[self.row.key]
        return items

    def is_in_use(self, key: str) -> bool:
        """Return whether a document, a row or an open request uses an item. Asked once: it scans all documents.

        Nobody opens a request until the transaction ends.
        """
        if key not in self._in_use:
            hold_back_proposals()
            self._in_use[key] = is_item_in_use(self.row.key, key)
        return self._in_use[key]


@dataclass(frozen=True, slots=True)
class ItemSubmission:
    """The saved item, or the request that waits."""

    item: ListItem | None
    change_request: ChangeRequest | None = None


@transaction.atomic
def save_list_item(
    *,
    actor: Actor,
    list_key: str,
    key: str,
    names: Mapping[str, str],
    parent_key: str | None = None,
    order: int = 0,
) -> ItemSubmission:
    """Create or update the item with this key, or ask for it where the policy says so. Locks the list's row.

    Raises NotFound for an unknown list; UnprocessableEntity with all faults by property, `PendingChangeRequestExists`.
    The parent must be an item of the parent list, and that of the documents that have the item.
    """
    owner, key = _list_with_key(list_key), normalized(key)
    changes = planned_changes(owner, key=key, names=names, parent_key=parent_key, order=order)
    request = submit_items(actor=actor, owner=owner, changes=changes)
    item = None if request is not None else ListItem.objects.get(list=owner.row, key=key)
    return ItemSubmission(item, request)


@transaction.atomic
def remove_list_item(*, actor: Actor, list_key: str, key: str) -> ChangeRequest | None:
    """Delete an item that no child item, row or document uses; return the request if that has to wait.

    Locks the list's row. Raises NotFound for an unknown list or item; UnprocessableEntity if the item is in use,
    `PendingChangeRequestExists`.
    """
    owner, key = _list_with_key(list_key), normalized(key)
    code = code_of(key)
    before = owner.items.get(code)
    if before is None:
        raise NotFound(_("The list has no item “%(key)s”.") % {"key": key[:80]})
    if owner.is_in_use(key) or ListItem.objects.filter(parent__list=owner.row, parent__key=key).exists():
        raise _in_use(key)
    return submit_items(actor=actor, owner=owner, changes=[Change(f"{owner.row.key}.{code}", before, None)])


def planned_changes(
    owner: LockedList, *, key: str, names: Mapping[str, str], parent_key: str | None = None, order: int = 0
) -> Sequence[Change]:
    """Return the changes that give the item with this key these values. Raises like `save_list_item`."""
    key, wanted = normalized(key), in_one_form(item_as_document(names=names, parent_key=parent_key, order=order))
    _checked_parent(owner.row, key, wanted)
    _check_move(owner, key, wanted)
    code = code_of(key)
    path, before = f"{owner.row.key}.{code}", owner.items.get(code)
    return [Change(path, None, wanted)] if before is None else changes_between(before, wanted, f"{path}.")


def submit_items(*, actor: Actor, owner: LockedList, changes: Sequence[Change]) -> ChangeRequest | None:
    """Make the changes, or open the request that they have to wait for."""
    request = request_if_required(kind=LIST_KIND, subject_id=owner.row.pk, subject=owner, changes=changes, actor=actor)
    if request is None and changes:
        write_items(owner=owner, changes=changes, actor=actor)
    return request


def write_items(
    *, owner: LockedList, changes: Sequence[Change], actor: Actor, request: ChangeRequest | None = None
) -> None:
    """Make these changes of items; with `request` they are its approved ones.

    Raises UnprocessableEntity with all faults by property, and if an item to remove is in use.
    """
    target = with_values(owner.document, {change.path: change.target for change in changes})
    for code in dict.fromkeys(change.path.split(".")[1] for change in changes):
        key, wanted = key_of(code), target.get(owner.row.key, {}).get(code)
        if wanted is None:
            _delete(owner, key)
        else:
            parent = _checked_parent(owner.row, key, wanted)
            _check_move(owner, key, wanted)
            values = {"names": wanted["names"], "parent": parent, "order": wanted["order"]}
            ListItem.objects.update_or_create(list=owner.row, key=key, defaults=values)
    List.objects.filter(pk=owner.row.pk).update(revision=NextRevision())
    append(kind=LIST_KIND, subject_id=owner.row.pk, actor=actor, changes=changes, **approved_by(request))
    paths = [change.path for change in changes]
    logger.info("list items changed", extra={"actor": actor.name, "list": owner.row.key, "paths": paths})


def _delete(owner: LockedList, key: str) -> None:
    if owner.is_in_use(key):
        raise _in_use(key)
    try:
        owner.row.items.filter(key=key).delete()
    except ProtectedError:
        raise _in_use(key) from None


def locked_list(lists: QuerySet[List]) -> LockedList | None:
    """Lock the only list of a queryset; None if it is empty."""
    row = lists.select_for_update(of=("self",)).first()
    return None if row is None else LockedList(row)


def _list_with_key(key: str) -> LockedList:
    owner = locked_list(List.objects.filter(key=normalized(key)))
    if owner is None:
        raise NotFound(_("There is no list “%(key)s”.") % {"key": key[:80]})
    return owner


def _checked_parent(owner: List, key: str, wanted: Mapping[str, Any]) -> ListItem | None:
    """Return the parent of an item of the list. Raises UnprocessableEntity with all faults by property."""
    faults = _name_faults(wanted.get("names", {}))
    if not _KEY.fullmatch(key):
        faults["key"] = [_("Expected letters, digits, dots, hyphens and underscores: 100 characters at most.")]
    if abs(wanted.get("order", 0)) > MAX_ORDER:
        faults["order"] = [_("The number is too large.")]
    parent, parent_key = None, wanted.get("parentKey")
    if parent_key is not None:
        parent = ListItem.objects.filter(list=owner.parent_id, key=parent_key).first() if owner.parent_id else None
        if parent is None:
            faults["parentKey"] = [_("The parent must be an item of the list above.")]
    if faults:
        raise UnprocessableEntity(_("The list item cannot be saved."), properties=faults)
    return parent


def _check_move(owner: LockedList, key: str, wanted: Mapping[str, Any]) -> None:
    """Raise UnprocessableEntity if the item would get a parent that documents with this item do not have."""
    before, parent_key = owner.items.get(code_of(key)), wanted.get("parentKey")
    if before is None or parent_key is None or before.get("parentKey") == parent_key:
        return
    broken = documents_broken_by_move(owner.row.key, key, parent_key)
    if broken:
        message = ngettext(
            "%(count)d document has this item with another parent and would become invalid. Change it first, or add a"
            " new item under the other parent.",
            "%(count)d documents have this item with another parent and would become invalid. Change them first, or"
            " add a new item under the other parent.",
            broken,
        )
        faults = {"parentKey": [message % {"count": broken}]}
        raise UnprocessableEntity(_("The list item cannot be saved."), properties=faults)


def _name_faults(names: Mapping[str, str]) -> dict[str, list[str]]:
    languages = [code for code, _name in settings.LANGUAGES]
    faults: dict[str, list[str]] = {}
    if "en" not in names:
        faults["names.en"] = [_("The English text is mandatory: it is used for languages without one.")]
    for language, name in names.items():
        if language not in languages:
            faults[f"names.{language[:20]}"] = [
                _("Unknown language; expected one of: %(known)s.") % {"known": ", ".join(languages)}
            ]
        elif wrong := required_line_faults(name, most=MAX_NAME_LENGTH):
            faults[f"names.{language}"] = wrong
    return faults


def _in_use(key: str) -> UnprocessableEntity:
    return UnprocessableEntity(_("The item “%(key)s” is in use and cannot be removed.") % {"key": key[:80]})
