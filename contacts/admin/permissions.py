"""Permissions checked by the admin pages of a contact, in addition to its visibility."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext as _

from changerequests.admin.messages import may_see_requests
from contacts.models import Contact
from contacts.permissions import MAY_ANONYMIZE, MAY_CHANGE_DETAILS, MAY_MERGE


@dataclass(frozen=True, slots=True)
class ContactPermissions:
    """What the user may do to this contact now. `reason` is the text that explains why it cannot be changed."""

    may_change: bool
    may_anonymize: bool
    may_merge: bool
    may_open_requests: bool
    reason: str = ""


def contact_permissions(request: HttpRequest, contact: Contact) -> ContactPermissions:
    user = request.user
    is_anonymous = contact.anonymized_at is not None
    reason = ""
    if is_anonymous:
        reason = _("The contact was anonymized and cannot be changed any more.")
    elif not user.has_perm(MAY_CHANGE_DETAILS):
        reason = _("You may look at this contact, but your account lacks the permission to change it.")
    return ContactPermissions(
        may_change=not reason,
        may_anonymize=not is_anonymous and user.has_perm(MAY_ANONYMIZE),
        may_merge=not is_anonymous and user.has_perm(MAY_MERGE),
        may_open_requests=may_see_requests(request),
        reason=reason,
    )
