"""The permissions that something asks for, in words and by area. Pickers offer these and no others.

Django makes four permissions for each table, most of which nothing asks for. A test holds this list to what the code
asks for.
"""

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from django.contrib.auth.models import Permission
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When
from django.utils.translation import gettext_lazy as _

from accounts.queries import NOTHING

if TYPE_CHECKING:
    from django.utils.functional import Promise

AREAS: Mapping["str | Promise", Mapping[str, "str | Promise"]] = {
    _("Contacts"): {
        "contacts.view_contact": _("See contacts"),
        "contacts.add_contact": _("Create contacts"),
        "contacts.change_contact_details": _("Change contact details, usernames, pictures and external ids"),
        "contacts.change_contact": _("Decide who sees a contact: its participants and members"),
        "contacts.merge_contact": _("Merge contacts, and undo that"),
        "contacts.anonymize_contact": _("Anonymize contacts"),
        "audit.view_access": _("See who looked at contacts"),
        "contacts.view_externalsystem": _("See external systems"),
        "contacts.add_externalsystem": _("Add external systems"),
        "contacts.change_externalsystem": _("Rename external systems"),
    },
    _("Duplicates"): {
        "matching.view_pair": _("See possible duplicates"),
        "matching.change_pair": _("Say that two contacts are not the same person"),
        "matching.add_pair": _("Have all contacts compared"),
    },
    _("Contact groups"): {
        "contactgroups.view_contactgroup": _("See contact groups"),
        "contactgroups.add_contactgroup": _("Create contact groups"),
        "contactgroups.change_contactgroup": _("Change contact groups"),
        "contactgroups.delete_contactgroup": _("Delete contact groups"),
    },
    _("Legal entities"): {
        "legalentities.view_legalentity": _("See legal entities"),
        "legalentities.add_legalentity": _("Create legal entities"),
        "legalentities.change_legalentity": _("Change legal entities"),
    },
    _("Change requests"): {
        "changerequests.view_changerequest": _("See change requests"),
        "changerequests.review_changerequest": _("Review change requests"),
        "changerequests.view_policyversion": _("See policies"),
        "changerequests.change_policies": _("Request other policies"),
        "changerequests.view_absence": _("See the absences of others"),
        "changerequests.add_absence": _("Enter absences of others"),
        "changerequests.change_absence": _("Change absences of others"),
        "changerequests.delete_absence": _("Delete absences of others"),
        "changerequests.view_holiday": _("See holidays"),
        "changerequests.add_holiday": _("Add holidays"),
        "changerequests.change_holiday": _("Change holidays"),
    },
    _("Import and export"): {
        "importexport.view_importjob": _("See imports"),
        "importexport.add_importjob": _("Import files"),
        "importexport.view_exportjob": _("See exports"),
        "importexport.add_exportjob": _("Export contacts and legal entities"),
    },
    _("Schemas and lists"): {
        "schemas.view_schema": _("See schemas"),
        "schemas.change_schema": _("Change schemas"),
        "schemas.view_schemaversion": _("See versions of schemas"),
        "schemas.view_list": _("See lists"),
        "schemas.view_listitem": _("See list items"),
        "schemas.add_listitem": _("Add list items"),
        "schemas.change_listitem": _("Change list items"),
        "schemas.delete_listitem": _("Delete list items"),
    },
    _("Users and rights"): {
        "accounts.view_user": _("See users and requests about their rights"),
        "accounts.change_user": _("Change users"),
        "accounts.view_member": _("See members"),
        "accounts.change_member": _("Change members"),
        "auth.view_group": _("See permission groups"),
        "accounts.view_participant": _("See participants"),
        "accounts.add_participant": _("Add participants"),
        "accounts.change_participant": _("Change participants"),
        "accounts.view_clientapplication": _("See client applications"),
        "accounts.add_clientapplication": _("Register client applications"),
        "accounts.change_clientapplication": _("Change client applications"),
        "events.view_webhook": _("See webhooks and their deliveries"),
        "events.add_webhook": _("Add webhooks"),
        "events.change_webhook": _("Change, remove, test and replay webhooks"),
    },
}
WORDS: Mapping[str, tuple["str | Promise", "str | Promise"]] = {
    name: (area, words) for area, permissions in AREAS.items() for name, words in permissions.items()
}


def words_of(name: str) -> str:
    """Return a permission in words, after its area; an empty text for one that nothing asks for."""
    known = WORDS.get(name)
    return "" if known is None else f"{known[0]}: {known[1]}"


def offered_permissions(held: Collection[int] = ()) -> QuerySet[Permission]:
    """Return what a picker offers, in the order of the areas, and last what somebody holds besides."""
    places, offered = [], NOTHING
    for place, name in enumerate(WORDS):
        app_label, _dot, codename = name.partition(".")
        places.append(When(content_type__app_label=app_label, codename=codename, then=Value(place)))
        offered |= Q(content_type__app_label=app_label, codename=codename)
    order = Case(*places, default=Value(len(places)), output_field=IntegerField())
    permissions = Permission.objects.filter(offered | Q(pk__in=held)).select_related("content_type")
    return permissions.order_by(order, "content_type", "codename")


def by_area(names: Collection[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the areas of some permissions, and in each the names and words of those."""
    found = [
        (str(area), [(name, str(words)) for name, words in permissions.items() if name in names])
        for area, permissions in AREAS.items()
    ]
    return [(area, permissions) for area, permissions in found if permissions]
