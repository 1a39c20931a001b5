"""Users, members, participants, groups of permissions, client applications, webhooks and holidays in the admin.

Users and members are closed, not deleted: the history names them. Tokens and grants are not shown at all.
"""

from administration.admin.applications import ClientApplicationAdmin
from administration.admin.groups import GroupAdmin
from administration.admin.holidays import HolidayAdmin
from administration.admin.members import MemberAdmin
from administration.admin.participants import ParticipantAdmin
from administration.admin.users import UserAdmin
from administration.admin.webhooks import WebhookAdmin

__all__ = [
    "ClientApplicationAdmin",
    "GroupAdmin",
    "HolidayAdmin",
    "MemberAdmin",
    "ParticipantAdmin",
    "UserAdmin",
    "WebhookAdmin",
]
