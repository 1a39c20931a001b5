"""Admin pages that show, replace and remove a contact's picture."""

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.utils.translation import gettext as _

from accounts.admin_actor import VisibleToActorAdmin
from contacts.admin.base import address_of, check_permission, contact_page, done, opened, refused
from contacts.imaging import MAX_BYTES, default_picture, initials
from contacts.models import ProfilePicture
from contacts.permissions import MAY_CHANGE_DETAILS
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
    picture = ProfilePicture.objects.filter(contact=contact).first()
    if picture is None:
        answer = HttpResponse(default_picture(initials(contact.name), str(contact.uid)), content_type="image/png")
    else:
        with storage_reached(), picture.file.open("rb") as file:
            content = file.read()
        kind = CONTENT_TYPES.get(str(picture.file.name).rpartition(".")[2], "application/octet-stream")
        answer = HttpResponse(content, content_type=kind)
    answer["Cache-Control"] = "private, no-cache"
    answer["Content-Disposition"] = "inline"
    return answer


def change_picture(admin: VisibleToActorAdmin, request: HttpRequest, contact_id: int) -> HttpResponse:
    """POST: replace or remove the picture. Requires `contacts.change_contact_details`."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    actor, contact = opened(admin, request, contact_id)
    check_permission(request, MAY_CHANGE_DETAILS)
    address = address_of(contact.pk, "picture")
    try:
        if "remove" in request.POST:
            remove_picture(actor=actor, contact_id=contact.pk)
            return done(request, _("The picture was removed."), address)
        file = request.FILES.get("picture")
        if file is None:
            raise UnprocessableEntity(_("Choose a file first."))
        # One byte over the limit is enough for the service to refuse the file.
        replace_picture(actor=actor, contact_id=contact.pk, content=file.read(MAX_BYTES + 1))
    except ApiError as error:
        return refused(request, error, address)
    return done(request, _("The picture was replaced."), address)
