"""Systems of external ids as a sort of configuration."""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from accounts.usernames import named
from administration.configuration import ConfigurationSort
from contacts.models import ExternalSystem
from contacts.queries.systems import is_in_use
from core.text import normalized

SYSTEM = "system"


class SystemSort(ConfigurationSort):
    """No two have one name, whatever its case, and the name of one in which contacts have ids stays."""

    key = SYSTEM
    label = _("System")
    model = ExternalSystem
    columns = {"name": "name"}
    labels = {"name": _("Name")}

    def checked(self, row: Model, target: Mapping[str, Any]) -> dict[str, Any]:
        if faults := _faults(row, target.get("name")):
            raise ValidationError({"name": faults})
        return super().checked(row, target)


def _faults(row: Any, name: Any) -> list[Any]:
    if not isinstance(name, str) or (name := normalized(name)) == row.name:
        return []
    if "/" in name:
        # The name is one part of the path under which its ids are looked for.
        return [_("The name of a system has no slash.")]
    if named(ExternalSystem.objects.exclude(pk=row.pk), name, column="name").exists():
        return [_("A system with this name exists already.")]
    if row.pk is not None and is_in_use(row):
        return [_("Contacts have ids in this system, so it keeps its name.")]
    return []
