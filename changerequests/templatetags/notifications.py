"""The bell in the admin's header."""

from typing import Any

from django import template

from changerequests.queries.notifications import MOST_UNREAD, unread_count

register = template.Library()


@register.inclusion_tag("admin/changerequests/includes/bell.html", takes_context=True)
def notification_bell(context: template.Context) -> dict[str, Any]:
    """Show members the number of their unread notifications. Runs one query."""
    # Not by `accounts.admin_actor`: Django loads tags before the admin.
    member = getattr(context["request"].user, "member", None)
    if member is None:
        return {"is_member": False}
    count = unread_count(member.pk)
    return {"is_member": True, "count": count, "most": MOST_UNREAD - 1, "is_capped": count == MOST_UNREAD}
