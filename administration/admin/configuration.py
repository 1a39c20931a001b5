"""The forms of what is configured."""

from typing import Any

from django.http import HttpRequest

from accounts.actor import Actor
from accounts.admin_actor import member_of
from administration.admin.base import KeptAdmin, WaitingAdmin
from administration.configuration import CONFIGURATION, sort_of
from administration.models import ConfigurationSubject
from administration.outcomes import Outcome
from administration.services.configuration import add_configuration, change_configuration, locked_configuration


class ConfigurationAdmin(WaitingAdmin, KeptAdmin):
    """The form of the rows of a sort of configuration, whose fields are its properties."""

    kind = CONFIGURATION
    sort: str

    def subject_id(self, obj: Any) -> int | None:
        """Return the id of the row's subject, which it has once somebody has asked to change it."""
        if obj is None:
            return None
        subjects = ConfigurationSubject.objects.filter(sort=self.sort, object_id=obj.pk)
        return subjects.values_list("pk", flat=True).first()

    def lock(self, request: HttpRequest, obj: Any) -> None:
        member_of(request)
        locked_configuration(sort=self.sort, object_id=obj.pk)

    def submit(self, request: HttpRequest, obj: Any, form: Any, *, actor: Actor, change: bool) -> Outcome:
        target = {name: form.cleaned_data[column] for name, column in sort_of(self.sort).columns.items()}
        if change:
            return change_configuration(actor=actor, sort=self.sort, object_id=obj.pk, target=target)
        outcome = add_configuration(actor=actor, sort=self.sort, target=target)
        obj.pk = ConfigurationSubject.objects.get(pk=outcome.subject_id).object_id
        return outcome
