from changerequests.models.absences import Absence
from changerequests.models.claims import RequestAssignment, RequestClaim
from changerequests.models.conversation import RequestAttachment, RequestComment
from changerequests.models.deadlines import DeadlineMail
from changerequests.models.decisions import Decision, Verdict
from changerequests.models.digests import DailyDigest
from changerequests.models.holidays import Holiday
from changerequests.models.notifications import Notification
from changerequests.models.policies import PolicyVersion
from changerequests.models.requests import OPEN, ChangeRequest, ChangeRequestQuerySet, RequestSubject, Source, Status
from changerequests.models.revisions import Proposal, RequestStage, Revision, RevisionReason
from changerequests.models.saved_filters import SavedFilter

__all__ = [
    "OPEN",
    "Absence",
    "ChangeRequest",
    "ChangeRequestQuerySet",
    "DailyDigest",
    "DeadlineMail",
    "Decision",
    "Holiday",
    "Notification",
    "PolicyVersion",
    "Proposal",
    "RequestAssignment",
    "RequestAttachment",
    "RequestClaim",
    "RequestComment",
    "RequestStage",
    "RequestSubject",
    "Revision",
    "RevisionReason",
    "SavedFilter",
    "Source",
    "Status",
    "Verdict",
]
