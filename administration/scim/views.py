"""Users and groups over SCIM 2.0 (RFC 7643, RFC 7644), for the institution's directory."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from django.db import transaction
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response
from scim2_models import Context, InvalidValueException, ListResponse, PatchOp, SearchRequest

from accounts.permissions import Access
from administration.queries.provisioning import directory_groups, directory_users
from administration.scim.base import ACCESS, TOLERANT, ScimView
from administration.scim.filters import (
    MAX_ID,
    Attribute,
    always,
    conditions_of,
    exact_text,
    flag,
    is_id,
    nullable,
    number,
    text,
    time,
)
from administration.scim.resources import Group, User, groups_of, person_of, users_of
from administration.services.provisioning import (
    add_group,
    add_person,
    change_group,
    change_person,
    no_such_resource,
    remove_group,
    remove_person,
)

MAX_RESULTS = 200


class _Resources(ScimView):
    """Resources of one type. Subclasses say how they are read and written.

    Writing and reading back are one transaction, so that a request which is refused leaves nothing.
    """

    model: ClassVar[type[Any]]
    # Which attributes filters can name, in lower case.
    filters: ClassVar[Mapping[str, Attribute]]

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError

    def resources(self, rows: Iterable[Any]) -> list[Any]:
        raise NotImplementedError

    def add(self, resource: Any) -> int:
        raise NotImplementedError

    def change(self, pk: int, resource: Any) -> None:
        raise NotImplementedError

    def remove(self, pk: int) -> None:
        raise NotImplementedError

    def one(self, pk: int) -> Any:
        """Return the resource with an id. Raises NotFound."""
        found = self.resources(self.rows().filter(pk=pk))
        if not found:
            raise no_such_resource()
        return found[0]


class _Users(_Resources):
    model = User
    filters = {
        "id": always(number, "pk"),
        "externalid": nullable(exact_text, "said_external"),
        "username": always(text, "said_name"),
        "name.familyname": nullable(text, "said_family"),
        "name.givenname": nullable(text, "said_given"),
        "emails": nullable(text, "said_email"),
        "emails.value": nullable(text, "said_email"),
        "active": always(flag, "said_active"),
        "meta.created": always(time, "said_since"),
        "meta.lastmodified": always(time, "said_changed"),
    }

    def rows(self) -> QuerySet[Any]:
        return directory_users()

    def resources(self, rows: Iterable[Any]) -> list[User]:
        return users_of(rows, host=self.host)

    def add(self, resource: Any) -> int:
        return add_person(actor=self.actor, person=person_of(resource))

    def change(self, pk: int, resource: Any) -> None:
        change_person(actor=self.actor, user_id=pk, person=person_of(resource))

    def remove(self, pk: int) -> None:
        remove_person(actor=self.actor, user_id=pk)


class _Groups(_Resources):
    model = Group
    filters = {
        "id": always(number, "pk"),
        "externalid": nullable(exact_text, "said_external"),
        "displayname": always(text, "said_name"),
        "members": always(number, "user"),
        "members.value": always(number, "user"),
        "meta.created": nullable(time, "said_since"),
        "meta.lastmodified": nullable(time, "said_changed"),
    }

    def rows(self) -> QuerySet[Any]:
        return directory_groups()

    def resources(self, rows: Iterable[Any]) -> list[Group]:
        return groups_of(rows, host=self.host)

    def add(self, resource: Any) -> int:
        return add_group(actor=self.actor, **_said_of(resource))

    def change(self, pk: int, resource: Any) -> None:
        change_group(actor=self.actor, group_id=pk, **_said_of(resource))

    def remove(self, pk: int) -> None:
        remove_group(actor=self.actor, group_id=pk)


class _Collection(_Resources):
    access: ClassVar[dict[str, Access]] = {"GET": ACCESS, "POST": ACCESS}

    def get(self, request: Request) -> Response:
        search: Any = SearchRequest[self.model]  # type: ignore[name-defined]
        asked = search.model_validate(dict(request.query_params.items()), scim_ctx=Context.SEARCH_REQUEST)
        rows = self.rows()
        if asked.filter is not None:
            # In a subquery: a group whose members are looked for is found once.
            rows = rows.filter(pk__in=self.rows().filter(conditions_of(asked.filter.ast, self.filters)).values("pk"))
        start = min(asked.start_index_0 or 0, MAX_ID)
        most = MAX_RESULTS if asked.count is None else min(asked.count, MAX_RESULTS)
        page = self.resources(rows.order_by("pk")[start : start + most]) if most else []
        answer: Any = ListResponse[self.model](  # type: ignore[name-defined]
            total_results=rows.count(), items_per_page=len(page), start_index=start + 1, resources=page
        )
        return Response(answer.model_dump(scim_ctx=Context.RESOURCE_QUERY_RESPONSE, response_parameters=asked))

    @transaction.atomic
    def post(self, request: Request) -> Response:
        pk = self.add(self.sent(self.model, Context.RESOURCE_CREATION_REQUEST))
        return self.shown(self.one(pk), Context.RESOURCE_CREATION_RESPONSE, status=201)


class _Single(_Resources):
    access: ClassVar[dict[str, Access]] = {"GET": ACCESS, "PUT": ACCESS, "PATCH": ACCESS, "DELETE": ACCESS}

    def get(self, request: Request, pk: int) -> Response:
        return self.shown(self.one(pk), Context.RESOURCE_QUERY_RESPONSE)

    @transaction.atomic
    def put(self, request: Request, pk: int) -> Response:
        self.change(pk, self.sent(self.model, Context.RESOURCE_REPLACEMENT_REQUEST))
        return self.shown(self.one(pk), Context.RESOURCE_REPLACEMENT_RESPONSE)

    @transaction.atomic
    def patch(self, request: Request, pk: int) -> Response:
        operations = self.sent(PatchOp[self.model], Context.RESOURCE_PATCH_REQUEST)  # type: ignore[name-defined]
        resource = self.one(pk)
        operations.patch(resource, scim_policy=TOLERANT)
        self.change(pk, resource)
        return self.shown(self.one(pk), Context.RESOURCE_PATCH_RESPONSE)

    @transaction.atomic
    def delete(self, request: Request, pk: int) -> Response:
        self.remove(pk)
        return Response(status=204)


class UsersView(_Users, _Collection):
    pass


class UserView(_Users, _Single):
    pass


class GroupsView(_Groups, _Collection):
    pass


class GroupView(_Groups, _Single):
    pass


def _said_of(group: Group) -> dict[str, Any]:
    """Return the arguments of the services of a group. Raises InvalidValueException for a member without an id."""
    members = [member.value or "" for member in group.members or []]
    if not all(map(is_id, members)):
        raise InvalidValueException(detail="A member is named by the id of a user")
    return {
        "display_name": group.display_name or "",
        "external_id": group.external_id,
        "members": {int(value) for value in members},
    }
