"""Who looked at contacts, for those who may know: rows of the access log with the names that their reader may see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.actor import Actor
from accounts.models import ClientApplication, Member
from audit.access.models import Access, Looker
from contacts.models import Contact
from contacts.queries.names import SeenNames
from core.places import Place, latest

PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the log as people read it. `contact` is the contact's name, or `#id` if its reader does not see it."""

    access: Access
    actor: str
    application: str
    contact: str


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the log, and where the next one begins, if there is one."""

    lines: Sequence[Line]
    following: Place | None

    @property
    def contact_ids(self) -> list[int]:
        return [line.access.contact_id for line in self.lines]


def page_of_accesses(rows: QuerySet[Access], *, actor: Actor, after: Place | None) -> Page:
    """Return a page of those of the rows that are about contacts which the actor sees, latest first.

    Runs a query, and one for the names of each kind that turns up.
    """
    seen = Contact.objects.narrowed_to_visible(rows, actor, column="contact_id")
    shown, following = latest(seen, column="at", after=after, size=PAGE_SIZE)
    return Page(lines_of(shown, actor), following)


def lines_of(rows: Sequence[Access], actor: Actor) -> list[Line]:
    """Return rows with names: those of contacts that the actor sees. Runs a query for each kind of name."""
    names = SeenNames([actor])
    names.load({row.contact_id for row in rows} | _ids(rows, Looker.CONTACT))
    looking = _ids(rows, Looker.MEMBER)
    found_members = Member.objects.select_related("user").filter(pk__in=looking) if looking else ()
    members = {member.pk: member.name for member in found_members}
    applications = _application_names(
        _ids(rows, Looker.APP) | {row.application_id for row in rows if row.application_id}
    )

    def named(row: Access) -> str:
        if row.actor_kind == Looker.SYSTEM:
            return row.system
        if row.actor_kind == Looker.CONTACT:
            return names[row.actor_id]
        found = members if row.actor_kind == Looker.MEMBER else applications
        return found.get(row.actor_id, f"#{row.actor_id}")

    return [Line(row, named(row), applications.get(row.application_id or 0, ""), names[row.contact_id]) for row in rows]


def _ids(rows: Iterable[Access], kind: Looker) -> set[int]:
    return {row.actor_id for row in rows if row.actor_kind == kind}


def _application_names(ids: Iterable[int]) -> dict[int, str]:
    wanted = list(ids)
    return dict(ClientApplication.objects.filter(pk__in=wanted).values_list("pk", "name")) if wanted else {}
