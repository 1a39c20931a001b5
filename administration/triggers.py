"""Triggers of decisions about rights."""

import pgtrigger

from administration.rights import GROUP_RIGHTS
from changerequests.models.triggers.common import PEOPLE
from core.triggers import Guard, refuse

ABOUT_THEM = "neither who is in the group whose rights it is about nor a substitute of those may decide."

OF_DECISIONS = [
    Guard(
        name="rights_of_groups_by_others",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert,
        declare=[("request", "record"), ("people", "integer[]")],
        func=f"""
            SELECT changerequest.* INTO request
              FROM public.changerequests_revision revision
              JOIN public.changerequests_changerequest changerequest ON changerequest.id = revision.request_id
             WHERE revision.id = NEW.revision_id;
            IF request.kind <> '{GROUP_RIGHTS}' THEN
                RETURN NEW;
            END IF;
            {PEOPLE}
            IF EXISTS (
                SELECT FROM public.accounts_user_groups membership
                  JOIN public.accounts_member member ON member.user_id = membership.user_id
                 WHERE membership.group_id = request.subject_id AND member.id = ANY(people)) THEN
                {refuse(f"Refused, a decision of member %: {ABOUT_THEM}", "NEW.member_id")}
            END IF;
            RETURN NEW;
        """,  # noqa: S608 - constants
    ),
]
