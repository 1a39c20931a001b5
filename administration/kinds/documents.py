"""The base of the kinds about what the institution administers: who has one of some permissions sees the subjects."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.utils.translation import gettext

from accounts.models import ClientApplication, Member, Participant
from administration.labels import permission_label
from administration.rights import LOCKED
from changerequests.document_kinds import DocumentPresenter, PermittedKind
from changerequests.kinds import ChoosableField
from changerequests.policies import profiles
from events.queries.feed import types_in_words

# Properties whose values are keys of something with a name.
NAMED = ("groups", "permissions", "manager", "owner", "participants", "application", "types")


class AdministeredKind(PermittedKind):
    """Changes that wait when they give; services make what takes away at once."""

    profiles = profiles(waits=True)
    labels: Mapping[str, Any]

    def document_of(self, subject: Any) -> Mapping[str, Any]:
        document: Mapping[str, Any] = subject.document
        return document


class AdministeredPresenter(DocumentPresenter):
    """Presents values with the names of what they are keys of."""

    def choosable_fields(self) -> list[ChoosableField]:
        return [ChoosableField(path, str(label)) for path, label in self._labels.items()]

    def label(self, name: str) -> str:
        return gettext("Locked after failed attempts") if name == LOCKED else super().label(name)

    def text(self, value: Any, *, name: str) -> str:
        if name not in NAMED or value is None:
            return super().text(value, name=name)
        names: Mapping[Any, str] = getattr(self, f"_{name}")
        return names.get(value, f"#{value}")

    @cached_property
    def _groups(self) -> Mapping[Any, str]:
        return dict(Group.objects.values_list("pk", "name"))

    @cached_property
    def _permissions(self) -> Mapping[Any, str]:
        return {
            f"{one.content_type.app_label}.{one.codename}": permission_label(one)
            for one in Permission.objects.select_related("content_type")
        }

    @cached_property
    def _members(self) -> Mapping[Any, str]:
        return {member.pk: member.name for member in Member.objects.select_related("user")}

    @property
    def _manager(self) -> Mapping[Any, str]:
        return self._members

    @property
    def _owner(self) -> Mapping[Any, str]:
        return self._members

    @cached_property
    def _participants(self) -> Mapping[Any, str]:
        return dict(Participant.objects.values_list("pk", "name"))

    @cached_property
    def _application(self) -> Mapping[Any, str]:
        return dict(ClientApplication.objects.values_list("pk", "name"))

    @cached_property
    def _types(self) -> Mapping[Any, str]:
        return {name: str(words) for name, words in types_in_words().items()}
