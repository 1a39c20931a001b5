"""The resources of SCIM as the directory reads and writes them: no more than Kontor keeps of users and groups."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    CaseExact,
    ComplexAttribute,
    Meta,
    Mutability,
    Reference,
    Required,
    Resource,
    ResourceType,
    Schema,
    Uniqueness,
)

from administration.queries.provisioning import memberships, names_of, seen_users
from administration.services.provisioning import Person

BASE = "/scim/v2"


class Name(ComplexAttribute):
    family_name: str | None = None
    given_name: str | None = None


class Email(ComplexAttribute):
    """An address. Kontor keeps one, so `primary` is read, and neither returned nor in the schema."""

    value: str | None = None
    primary: bool | None = None


class GroupOfUser(ComplexAttribute):
    value: Annotated[str | None, Mutability.read_only, CaseExact.true] = None
    display: Annotated[str | None, Mutability.read_only] = None


class User(Resource[Any]):
    """A staff user."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true] = None
    name: Name | None = None
    emails: list[Email] | None = None
    active: bool | None = None
    groups: Annotated[list[GroupOfUser] | None, Mutability.read_only] = None


class Member(ComplexAttribute):
    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference[User] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    type: Annotated[str | None, Mutability.immutable] = Field(None, examples=["User"])


class Group(Resource[Any]):
    """A group of users, which may give them rights."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Required.true] = None
    members: list[Member] | None = None


def person_of(user: User) -> Person:
    """Return what the directory says in a user. Of several addresses it keeps the primary one, else the first."""
    name = user.name or Name()
    emails = [email for email in user.emails or [] if email.value]
    primary = next((email for email in emails if email.primary), emails[0] if emails else None)
    return Person(
        user_name=user.user_name or "",
        external_id=user.external_id,
        given_name=name.given_name,
        family_name=name.family_name,
        email=None if primary is None else primary.value,
        is_active=user.active is not False,
    )


def users_of(rows: Iterable[Any], *, host: str) -> list[User]:
    """Return rows of `directory_users` as resources."""
    rows = list(rows)
    links = memberships(users=[row.pk for row in rows])
    names = names_of({group for group, _user in links})
    return [
        _user(row, {group: names[group] for group, user in links if user == row.pk and group in names}, host)
        for row in rows
    ]


def _user(row: Any, groups: Mapping[int, str], host: str) -> User:
    return User(
        id=str(row.pk),
        external_id=row.said_external,
        user_name=row.said_name,
        name=Name(family_name=row.said_family, given_name=row.said_given)
        if row.said_family or row.said_given
        else None,
        emails=[Email(value=row.said_email)] if row.said_email else None,
        active=row.said_active,
        groups=[GroupOfUser(value=str(pk), display=name) for pk, name in groups.items()] or None,
        meta=_meta("User", f"{host}{BASE}/Users/{row.pk}", row),
    )


def groups_of(rows: Iterable[Any], *, host: str) -> list[Group]:
    """Return rows of `directory_groups` as resources."""
    rows = list(rows)
    links = memberships(groups=[row.pk for row in rows])
    seen = seen_users({user for _group, user in links})
    members = {row.pk: [user for group, user in links if group == row.pk and user in seen] for row in rows}
    return [
        Group(
            id=str(row.pk),
            external_id=row.said_external,
            display_name=row.said_name,
            members=[
                Member(value=str(user), ref=Reference[User](f"{host}{BASE}/Users/{user}"), type="User")
                for user in members[row.pk]
            ]
            or None,
            meta=_meta("Group", f"{host}{BASE}/Groups/{row.pk}", row),
        )
        for row in rows
    ]


def _meta(name: str, location: str, row: Any) -> Meta:
    return Meta(resource_type=name, created=row.said_since, last_modified=row.said_changed, location=location)


def all_schemas() -> list[Schema]:
    """Return the schemas of users and groups. A login is open or not, so `active` is never removed."""
    user, group = User.to_schema(), Group.to_schema()
    for attribute in user.attributes or []:
        if attribute.name == "active":
            attribute.required = Required.true
        if attribute.name == "emails":
            attribute.sub_attributes = [one for one in attribute.sub_attributes or [] if one.name == "value"]
    return [user, group]


def all_resource_types() -> list[ResourceType]:
    return [ResourceType.from_resource(User), ResourceType.from_resource(Group)]
