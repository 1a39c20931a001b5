"""Where two contacts are merged: a page of the app that merges, once there is one."""

from django.urls import NoReverseMatch, reverse

# Its address has the id of the contact that stays; the other one follows as `with`.
_PAGE = "admin:contacts_contact_merge"


def merge_address(*, stays: int, goes: int) -> str | None:
    """Return the address of the page that merges one contact into another; None without such a page."""
    try:
        return f"{reverse(_PAGE, args=[stays])}?with={goes}"
    except NoReverseMatch:
        return None
