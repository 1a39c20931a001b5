"""Events about schemas and lists, which every application receives: it reads and writes by them."""

from collections.abc import Collection, Mapping

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from events.kinds import EVERYBODY, EventKind, EventSubject
from schemas.models import LIST_KIND, SCHEMA_KIND, List, Schema


class DefinitionEventKind(EventKind):
    scope = "schemas.read"
    audience = EVERYBODY

    def __init__(self, key: str, model: type[Model], words: str | Promise) -> None:
        self.key = self.subject = key
        self.model = model
        self.types = {f"{key}.changed": words}

    def subjects(self, ids: Collection[int]) -> Mapping[int, EventSubject]:
        rows = self.model._default_manager.filter(pk__in=ids)
        return {pk: EventSubject(key) for pk, key in rows.values_list("pk", "key")}


SCHEMA_EVENTS = (
    DefinitionEventKind(SCHEMA_KIND, Schema, _("A schema has a new version")),
    DefinitionEventKind(LIST_KIND, List, _("Items of a list were changed")),
)
