"""Two contacts as the document that a merge changes, as a column of the survivor's row, without locks."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Case, F, JSONField, OuterRef, Subquery, TextField, Value, When
from django.db.models.functions import Cast, Coalesce, JSONObject

from changerequests.models import RequestSubject
from contactgroups.models import GroupMembership
from contactgroups.subjects import ObjectAgg
from contacts.models import Contact
from contacts.services.access import LINKS
from merging.documents import DETAILS, GROUPS, LOSER, MERGED_INTO


def document_of_pair(kind: str) -> JSONObject:
    """Return the document of a survivor; of its open request of a kind, if it has one, also the other contact."""
    # Of the row outside the one that the subquery is about.
    survivor = OuterRef(OuterRef("pk"))
    others = RequestSubject.objects.filter(kind=kind, is_open=True, request__kind=kind, request__subject_id=survivor)
    other = others.exclude(subject_id=survivor).order_by().values("subject_id")[:1]
    state = Case(
        When(merged_into__isnull=False, then=JSONObject(id=F("pk"), **{MERGED_INTO: F("merged_into")})),
        default=JSONObject(id=F("pk"), version=F("version"), username=F("username"), **_belongings()),
    )
    loser = Contact.objects.filter(pk=Subquery(other)).order_by().values(state=state)
    return JSONObject(**{DETAILS: F("details"), **_belongings(), LOSER: Subquery(loser)})


def _belongings() -> dict[str, Any]:
    """Return the ids of a contact's participants, members and groups, of these with its policies, as expressions."""
    links = {
        path: ArraySubquery(
            link.model._default_manager.filter(contact=OuterRef("pk")).order_by(link.column).values(link.column)
        )
        for path, link in LINKS.items()
    }
    memberships = GroupMembership.objects.filter(contact=OuterRef("pk")).order_by().values("contact")
    groups = memberships.values(found=ObjectAgg(Cast("group_id", TextField()), "access_policy_id"))
    return {**links, GROUPS: Coalesce(Subquery(groups), Value({}, JSONField()))}
