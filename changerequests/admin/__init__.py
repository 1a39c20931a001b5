"""Admin pages for change requests: queue, review, policies and absences. Requests change through services."""

from changerequests.admin.absences import AbsenceAdmin
from changerequests.admin.changelog import ChangelogAdmin
from changerequests.admin.policies import PolicyAdmin
from changerequests.admin.requests import ChangeRequestAdmin

__all__ = ["AbsenceAdmin", "ChangeRequestAdmin", "ChangelogAdmin", "PolicyAdmin"]
