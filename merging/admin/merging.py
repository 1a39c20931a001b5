"""The page that merges a contact into another one: both side by side, with a choice for each field."""

from http import HTTPStatus
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext

from accounts.actor import Actor
from accounts.admin_actor import VisibleToActorAdmin
from audit.access.admin import looked_in_admin
from audit.access.models import Way
from contacts.admin.base import (
    AddedPage,
    address_of,
    check_permission,
    contact_page,
    made,
    opened,
    register_contact_page,
)
from contacts.kinds.contacts import contact_facts
from contacts.models import CONTACT_SCHEMA, MERGE, Contact
from contacts.permissions import MAY_MERGE
from contacts.queries.contacts import visible_contact
from contacts.queries.searching import found_page
from core.errors import ApiError, NotFound, PreconditionFailed
from core.search import id_in
from merging.admin.choices import Choice, choices_between, chosen_details
from merging.admin.forms import CommentForm
from merging.presenting import PairPresenter
from merging.services.merging import merge_contacts
from schemas.queries import current_schema

MOST_FOUND = 20


def merge_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """Choose the other contact, then its values; a POST merges or asks. Requires `contacts.merge_contact`.

    `?with=` is the contact to be merged, `?q=` finds one.
    """
    actor, survivor = opened(admin, request, contact_id)
    check_permission(request, MAY_MERGE)
    loser = other_contact(request, actor, survivor)
    if loser is None:
        return _choose_other(admin, request, actor, survivor)
    if request.method != "POST":
        form = CommentForm(initial={"survivor_version": survivor.version, "loser_version": loser.version})
        return _side_by_side(admin, request, survivor, loser, form)
    form = CommentForm(request.POST)
    error: ApiError | None = None
    if form.is_valid():
        try:
            return _merged(request, actor, survivor, loser, form)
        except ApiError as refused:
            error = refused
    return _side_by_side(admin, request, survivor, loser, form, error=error)


def other_contact(request: HttpRequest, actor: Actor, survivor: Contact) -> Contact | None:
    """Return the contact that `?with=` names; None if it names none, or the survivor. Raises Http404."""
    asked = request.GET.get("with", "")
    if not asked:
        return None
    other_id = id_in(asked)
    if other_id is None:
        raise Http404
    try:
        loser = visible_contact(actor=actor, contact_id=other_id)
    except NotFound:
        raise Http404 from None
    return None if loser.pk == survivor.pk else loser


def _merged(request: HttpRequest, actor: Actor, survivor: Contact, loser: Contact, form: CommentForm) -> HttpResponse:
    details = chosen_details(survivor.details, _choices(survivor, loser, request))
    asked = merge_contacts(
        actor=actor,
        survivor_id=survivor.pk,
        loser_id=loser.pk,
        details=details,
        comment=form.cleaned_data["comment"] or None,
        versions=(form.cleaned_data["survivor_version"], form.cleaned_data["loser_version"]),
    )
    text = gettext("Contact #%(id)s was merged into this one.") % {"id": loser.pk}
    return made(request, asked, text, address_of(survivor.pk))


def _choices(survivor: Contact, loser: Contact, request: HttpRequest) -> list[Choice]:
    return choices_between(current_schema(CONTACT_SCHEMA), survivor.details, loser.details, request.POST.dict())


def _choose_other(admin: VisibleToActorAdmin, request: HttpRequest, actor: Actor, survivor: Contact) -> HttpResponse:
    term = request.GET.get("q", "").strip() or survivor.name
    found, _count = found_page(actor=actor, text=term, start=0, stop=MOST_FOUND)
    looked_in_admin(request, [one.id for one in found], way=Way.LISTED)
    return contact_page(
        admin,
        request,
        survivor,
        tab="merge",
        template="admin/merging/choose.html",
        term=term,
        found=[one for one in found if one.id != survivor.pk],
    )


def _side_by_side(
    admin: VisibleToActorAdmin,
    request: HttpRequest,
    survivor: Contact,
    loser: Contact,
    form: CommentForm,
    *,
    error: ApiError | None = None,
) -> HttpResponse:
    looked_in_admin(request, [loser.pk])
    status: Any = HTTPStatus.OK if error is None else error.status
    is_overtaken = isinstance(error, PreconditionFailed)
    if is_overtaken:
        read = {"survivor_version": survivor.version, "loser_version": loser.version}
        form = CommentForm(initial={**read, "comment": form.cleaned_data["comment"]})
    presenter = PairPresenter(MERGE)
    return contact_page(
        admin,
        request,
        survivor,
        tab="merge",
        template="admin/merging/merge.html",
        status=status,
        loser=loser,
        pair=[
            (gettext("Survivor"), contact_facts(survivor, user=request.user)),
            (gettext("Merged contact"), contact_facts(loser, user=request.user)),
        ],
        choices=_choices(survivor, loser, request),
        form=form,
        error=error,
        faults=[] if error is None else presenter.labelled_faults(error.properties),
    )


def may_merge(request: HttpRequest) -> bool:
    return request.user.has_perm(MAY_MERGE)


MERGE_PAGE = AddedPage(name="merge", label="", view=merge_page, may_open=may_merge)
register_contact_page(MERGE_PAGE)
