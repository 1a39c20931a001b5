"""Database triggers that keep the rules of review against every writer.

They are the second guard: services refuse the same with a message, and are right about what the actor sees. A request
begins pending and is closed once. What is proposed, by whom, under which stages, and what people said of it is never
edited or deleted; only anonymization removes values. A decision is about the current revision, in the stage that the
request waits in, by a reviewer of that stage. Neither the initiator nor the member whom the request is about nor those
who have decided may decide, nor their substitutes. Approval needs the approvals of all stages. Once a stage is overdue,
the members of the group that it escalates to are its reviewers, too.

Absences count by days of UTC.

The previous version's processes may still run: `contact_id` and `change_set_id` are columns that they alone write.
"""

from changerequests.models.triggers.decisions import OF_DECISIONS
from changerequests.models.triggers.others import OF_ABSENCES, OF_ATTACHMENTS, OF_COMMENTS, OF_POLICIES
from changerequests.models.triggers.requests import OF_ENTRIES, OF_REQUESTS, OF_SUBJECTS
from changerequests.models.triggers.revisions import OF_PROPOSALS, OF_REVISIONS, OF_STAGES

__all__ = [
    "OF_ABSENCES",
    "OF_ATTACHMENTS",
    "OF_COMMENTS",
    "OF_DECISIONS",
    "OF_ENTRIES",
    "OF_POLICIES",
    "OF_PROPOSALS",
    "OF_REQUESTS",
    "OF_REVISIONS",
    "OF_STAGES",
    "OF_SUBJECTS",
]
