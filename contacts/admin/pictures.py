"""Admin pages that show, replace and remove a contact's picture."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.core.files.storage import default_storage
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.admin_actor import VisibleToActorAdmin, actor_of
from audit.access.admin import looked_in_admin
from changerequests.admin.messages import may_see_requests
from changerequests.models import ChangeRequest, Proposal
from changerequests.queries.sight import sights_of
from contacts.admin.base import address_of, check_permission, contact_page, made, opened, refused
from contacts.imaging import MAX_BYTES, default_picture, initials
from contacts.models import CONTACT_IDENTITY, Contact, ProfilePicture
from contacts.models.picture import DIRECTORY
from contacts.permissions import MAY_CHANGE_DETAILS, MAY_VIEW
from contacts.services.identity import PICTURE
from contacts.services.pictures import remove_picture, replace_picture
from core.errors import ApiError, UnprocessableEntity
from core.stored_files import storage_reached

CONTENT_TYPES = {"jpg": "image/jpeg", "png": "image/png"}


def picture_page(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """Render the picture and the form that replaces it."""
    _actor, contact = opened(admin, request, contact_id)
    has_picture = ProfilePicture.objects.filter(contact=contact).exists()
    return contact_page(
        admin,
        request,
        contact,
        tab="picture",
        template="admin/contacts/contact/picture.html",
        has_picture=has_picture,
        most=MAX_BYTES,
    )


def show_picture(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse | FileResponse:
    """Serve the picture or, if there is none, the contact's initials on a colour derived from its uid."""
    _actor, contact = opened(admin, request, contact_id)
    looked_in_admin(request, [contact.pk])
    picture = ProfilePicture.objects.filter(contact=contact).first()
    if picture is None:
        answer = HttpResponse(default_picture(initials(contact.name), str(contact.uid)), content_type="image/png")
    else:
        with storage_reached(), picture.file.open("rb") as file:
            content = file.read()
        answer = HttpResponse(content, content_type=_content_type(str(picture.file.name)))
    shown: HttpResponse = _served(answer)
    return shown


def change_picture(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """POST: replace or remove the picture. Requires `contacts.change_contact_details`."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    actor, contact = opened(admin, request, contact_id)
    check_permission(request, MAY_CHANGE_DETAILS)
    address = address_of(contact.pk, "picture")
    try:
        if "remove" in request.POST:
            asked = remove_picture(actor=actor, contact_id=contact.pk)
            return made(request, asked, _("The picture was removed."), address)
        file = request.FILES.get("picture")
        if file is None:
            raise UnprocessableEntity(_("Choose a file first."))
        # One byte over the limit is enough for the service to refuse the file.
        asked = replace_picture(actor=actor, contact_id=contact.pk, content=file.read(MAX_BYTES + 1))
    except ApiError as error:
        return refused(request, error, address)
    return made(request, asked, _("The picture was replaced."), address)


def show_picture_file(request: HttpRequest, name: str) -> FileResponse | HttpResponse:
    """Serve a picture of a contact or of a change request that the actor sees, also as the substitute of others.

    Raises Http404.
    """
    actor = actor_of(request)
    if actor is None or not (request.user.has_perm(MAY_VIEW) or may_see_requests(request)):
        raise PermissionDenied
    file = f"{DIRECTORY}{name}"
    contact_id = next(filter(None, (_contact_in(sight, file) for sight in sights_of(actor))), None)
    if contact_id is None:
        raise Http404
    looked_in_admin(request, [contact_id])
    with storage_reached():
        if not default_storage.exists(file):
            raise Http404
        content = default_storage.open(file, "rb")
    return _served(FileResponse(content, content_type=_content_type(file)))


def _contact_in(actor: Actor, file: str) -> int | None:
    """Return the contact whose picture the file is, or shall be; None if the actor sees none."""
    pictures = ProfilePicture.objects.filter(file=file, contact__in=Contact.objects.visible_to(actor))
    if (contact_id := pictures.values_list("contact_id", flat=True).first()) is not None:
        return contact_id
    proposals = Proposal.objects.filter(
        subject__kind=CONTACT_IDENTITY, changes__contains=[{"path": PICTURE, "target": {"file": file}}]
    )
    requests = ChangeRequest.objects.visible_to(actor).filter(subjects__in=proposals.values("subject"))
    return requests.order_by().values_list("subjects__subject_id", flat=True).first()


def _content_type(file: str) -> str:
    return CONTENT_TYPES.get(file.rpartition(".")[2], "application/octet-stream")


def _served(answer: Any) -> Any:
    answer["Cache-Control"] = "private, no-cache"
    answer["Content-Disposition"] = "inline"
    return answer
