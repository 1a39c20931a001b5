"""Changing list items. Each change sets a new list revision, which invalidates the caches of all processes."""

import logging
import re
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts.actor import Actor
from core.errors import NotFound, UnprocessableEntity
from schemas.models import List, ListItem, NextRevision
from schemas.usage_checks import is_in_use

logger = logging.getLogger(__name__)

MAX_NAME_LENGTH = 200
MAX_ORDER = 2**31 - 1

_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@transaction.atomic
def save_list_item(
    *,
    actor: Actor,
    list_key: str,
    key: str,
    names: Mapping[str, str],
    parent_key: str | None = None,
    order: int = 0,
) -> ListItem:
    """Create or update the item with this key. Locks the list's row.

    Raises NotFound for an unknown list; UnprocessableEntity with all faults by property. The parent must be an item of
    the parent list.
    """
    owner = _locked_list(list_key)
    faults = _name_faults(names)
    if not _KEY.fullmatch(key):
        faults["key"] = [_("Expected letters, digits, dots, hyphens and underscores: 100 characters at most.")]
    if abs(order) > MAX_ORDER:
        faults["order"] = [_("The number is too large.")]
    parent = None
    if parent_key is not None:
        parent = ListItem.objects.filter(list_id=owner.parent_id, key=parent_key).first() if owner.parent_id else None
        if parent is None:
            faults["parentKey"] = [_("The parent must be an item of the list above.")]
    if faults:
        raise UnprocessableEntity(_("The list item cannot be saved."), properties=faults)
    item, is_new = ListItem.objects.update_or_create(
        list=owner, key=key, defaults={"names": dict(names), "parent": parent, "order": order}
    )
    _raise_revision(owner)
    logger.info("list item %s", "created" if is_new else "changed", extra=_about(actor, list_key, key))
    return item


@transaction.atomic
def remove_list_item(*, actor: Actor, list_key: str, key: str) -> None:
    """Delete an item that no child item, row or document uses. Locks the list's row.

    Raises NotFound for an unknown list or item; UnprocessableEntity if the item is in use.
    """
    owner = _locked_list(list_key)
    item = owner.items.filter(key=key).first()
    if item is None:
        raise NotFound(_("The list has no item “%(key)s”.") % {"key": key[:80]})
    if is_in_use(list_key, key):
        raise _in_use(key)
    try:
        item.delete()
    except ProtectedError:
        raise _in_use(key) from None
    _raise_revision(owner)
    logger.info("list item removed", extra=_about(actor, list_key, key))


def _locked_list(key: str) -> List:
    owner = List.objects.select_for_update(of=("self",)).filter(key=key).first()
    if owner is None:
        raise NotFound(_("There is no list “%(key)s”.") % {"key": key[:80]})
    return owner


def _raise_revision(owner: List) -> None:
    List.objects.filter(pk=owner.pk).update(revision=NextRevision())


def _name_faults(names: Mapping[str, str]) -> dict[str, list[str]]:
    languages = [code for code, _name in settings.LANGUAGES]
    faults: dict[str, list[str]] = {}
    if "en" not in names:
        faults["names.en"] = [_("The English text is mandatory: it stands in for languages without one.")]
    for language, name in names.items():
        if language not in languages:
            faults[f"names.{language[:20]}"] = [
                _("Unknown language; expected one of: %(known)s.") % {"known": ", ".join(languages)}
            ]
        elif not name.strip() or len(name) > MAX_NAME_LENGTH or "\0" in name:
            faults[f"names.{language}"] = [
                _("Expected text of 1 to %(limit)d characters.") % {"limit": MAX_NAME_LENGTH}
            ]
    return faults


def _in_use(key: str) -> UnprocessableEntity:
    return UnprocessableEntity(_("The item “%(key)s” is in use and cannot be removed.") % {"key": key[:80]})


def _about(actor: Actor, list_key: str, key: str) -> dict[str, str]:
    return {"actor": actor.name, "list": list_key, "item": key}
