"""Breaking the glass: a command does at once what would wait, and somebody else reviews it afterwards."""

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.actor import Actor, system_actor
from administration.models import BREAK_GLASS, BreakGlass
from administration.services.notices import tell_of_break_glass
from changerequests.models import ChangeRequest
from changerequests.policies import NO_FACTS
from changerequests.queries.policies import current_policy
from changerequests.services.opening import open_request
from core.documents import Change
from core.errors import UnprocessableEntity

logger = structlog.get_logger("kontor.break_glass")
REVIEWED = "isReviewed"


@transaction.atomic
def break_glass(*, command: str, arguments: str, reason: str, operator: str) -> Actor:
    """Record that a command acts at once, mail the reviewers, and open the request for a review.

    Returns the actor to act with: the history names the command and the number of this use. Commit before it acts, so
    that the mail does not depend on how the command ends. Raises UnprocessableEntity `ReasonRequired`.
    """
    if not reason.strip():
        raise UnprocessableEntity(_("Give the reason: somebody else will review it."), sub_code="ReasonRequired")
    used = BreakGlass.objects.create(
        command=command, arguments=arguments, reason=reason.strip(), operator=operator[:100]
    )
    actor = system_actor(f"{command}, break glass #{used.pk}"[:50])
    _ask_for_review(used, actor)
    tell_of_break_glass(used)
    logger.error("glass broken", command=command, break_glass_id=used.pk)
    return actor


def _ask_for_review(used: BreakGlass, actor: Actor) -> ChangeRequest:
    policy = current_policy(BREAK_GLASS)
    return open_request(
        kind=BREAK_GLASS,
        changes={used.pk: [Change(REVIEWED, None, True)]},
        actor=actor,
        requirement=policy.requirement([REVIEWED], flagged=(), facts=NO_FACTS),
        comment=used.reason,
    )
