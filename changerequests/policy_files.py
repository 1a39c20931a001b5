"""Policies as files: the stored documents with names instead of the ids of groups, participants and applications."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib.auth.models import Group
from django.utils.translation import gettext as _

from accounts.models import ClientApplication, Participant
from core.errors import UnprocessableEntity

_NAMED: dict[str, Any] = {"participants": Participant, "initiatorGroups": Group, "applications": ClientApplication}
_MODELS: list[Any] = [Group, Participant, ClientApplication]


def with_names(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return stored policies with names for ids. Runs three queries."""
    names = {model: dict(model.objects.values_list("pk", "name")) for model in _MODELS}
    return _translated(document, lambda model, pk: names[model].get(pk, pk))


def with_ids(document: Any) -> dict[str, Any]:
    """Return the policies of a file with ids for names. Runs three queries.

    Raises UnprocessableEntity `ValidationFailed` if something has no such name, or several things have it.
    """
    ids: dict[Any, dict[str, list[int]]] = {}
    for model in _MODELS:
        ids[model] = {}
        for pk, name in model._default_manager.values_list("pk", "name"):
            ids[model].setdefault(name, []).append(pk)
    faults: list[str] = []

    def found(model: Any, name: Any) -> Any:
        candidates = ids[model].get(name, []) if isinstance(name, str) else []
        if len(candidates) == 1:
            return candidates[0]
        text = (
            _("There is no %(thing)s “%(name)s”.") if not candidates else _("Several are named %(thing)s “%(name)s”.")
        )
        faults.append(text % {"thing": model._meta.verbose_name, "name": name})
        return 0

    try:
        translated = _translated(document, found)
    except (AttributeError, KeyError, TypeError) as error:
        raise UnprocessableEntity(
            _("The file contains no policies: export them to see the format."), sub_code="ValidationFailed"
        ) from error
    if faults:
        raise UnprocessableEntity(
            _("These policies are not valid."), sub_code="ValidationFailed", properties={"": faults}
        )
    return translated


def _translated(document: Mapping[str, Any], translate: Callable[[Any, Any], Any]) -> dict[str, Any]:
    return {
        key: {
            **policy,
            "stages": [
                {
                    **stage,
                    **{
                        name: None if stage[name] is None else translate(Group, stage[name])
                        for name in ("group", "escalatesTo")
                        if name == "group" or name in stage
                    },
                }
                for stage in policy["stages"]
            ],
            "rules": [
                {
                    **rule,
                    **{
                        name: None if rule[name] is None else [translate(model, item) for item in rule[name]]
                        for name, model in _NAMED.items()
                    },
                }
                for rule in policy["rules"]
            ],
        }
        for key, policy in document.items()
    }
