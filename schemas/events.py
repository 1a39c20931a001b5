"""Events about schemas and lists, which every application hears of: it reads and writes by them."""

from collections.abc import Collection, Mapping

from django.db.models import Model

from events.kinds import EventSubject, PublicKind
from schemas.models import LIST_KIND, SCHEMA_KIND, List, Schema


class DefinitionEventKind(PublicKind):
    scope = "schemas.read"

    def __init__(self, key: str, model: type[Model]) -> None:
        self.key = self.subject = key
        self.model = model
        self.types = (f"{key}.changed",)

    def subjects(self, ids: Collection[int]) -> Mapping[int, EventSubject]:
        rows = self.model._default_manager.filter(pk__in=ids)
        return {pk: EventSubject(key) for pk, key in rows.values_list("pk", "key")}


SCHEMA_EVENTS = (DefinitionEventKind(SCHEMA_KIND, Schema), DefinitionEventKind(LIST_KIND, List))
