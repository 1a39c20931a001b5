"""The page that undoes a merge: what becomes of both contacts, and what was changed since then."""

from http import HTTPStatus
from typing import Any

from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext

from accounts.actor import Actor
from accounts.admin_actor import VisibleToActorAdmin
from audit.access.admin import looked_in_admin
from changerequests.presentation import ReviewedChange
from contacts.admin.base import (
    AddedPage,
    address_of,
    check_permission,
    contact_page,
    made,
    opened,
    register_contact_page,
)
from contacts.models import UNMERGE, Contact
from contacts.permissions import MAY_MERGE
from core.errors import ApiError, NotFound
from core.search import id_in
from merging.admin.forms import CommentForm
from merging.admin.merging import may_merge
from merging.pairs import locked_pair
from merging.presenting import PairPresenter
from merging.services.separating import planned_unmerge, unmerge_contacts


def unmerge_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """Show what undoing the merge of `?with=` changes; a POST does it or asks. Requires `contacts.merge_contact`."""
    actor, survivor = opened(admin, request, contact_id)
    check_permission(request, MAY_MERGE)
    loser_id = id_in(request.GET.get("with", ""))
    if loser_id is None:
        return HttpResponseRedirect(address_of(survivor.pk))
    form = CommentForm(request.POST) if request.method == "POST" else None
    error: ApiError | None = None
    if form is not None and form.is_valid():
        try:
            asked = unmerge_contacts(
                actor=actor,
                survivor_id=survivor.pk,
                loser_id=loser_id,
                comment=form.cleaned_data["comment"] or None,
                version=form.cleaned_data["survivor_version"],
            )
        except ApiError as refused:
            error = refused
        else:
            return made(request, asked, gettext("The merge was undone."), address_of(survivor.pk))
    try:
        loser, changes = _preview(actor, survivor, loser_id)
    except NotFound:
        raise Http404 from None
    except ApiError as refused:
        loser, changes, error = None, [], error or refused
    looked_in_admin(request, [loser_id])
    versions = {"survivor_version": survivor.version, "loser_version": 1 if loser is None else loser.version}
    sent = "" if form is None else form.data.get("comment", "")
    presenter = PairPresenter(UNMERGE)
    status: Any = HTTPStatus.OK if error is None else error.status
    return contact_page(
        admin,
        request,
        survivor,
        tab="unmerge",
        template="admin/merging/unmerge.html",
        status=status,
        loser=loser,
        changes=changes,
        form=CommentForm(initial={**versions, "comment": sent}),
        error=error,
        faults=[] if error is None else presenter.labelled_faults(error.properties),
    )


@transaction.atomic
def _preview(actor: Actor, survivor: Contact, loser_id: int) -> tuple[Contact, list[ReviewedChange]]:
    """Return the merged contact, and what undoing its merge would change. Raises like `unmerge_contacts`."""
    pair = locked_pair(actor=actor, survivor_id=survivor.pk, loser_id=loser_id)
    _merge, _plans, changes = planned_unmerge(actor=actor, pair=pair)
    shown = [{**change.as_json(), "isApprovalRequired": False} for change in changes]
    presenter = PairPresenter(UNMERGE)
    return pair.loser, presenter.reviewed_changes(shown, document=pair.document, is_open=True)


UNMERGE_PAGE = AddedPage(name="unmerge", label="", view=unmerge_page, may_open=may_merge)
register_contact_page(UNMERGE_PAGE)
