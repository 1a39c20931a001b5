"""Triggers of comments, attachments, policies and absences."""

import pgtrigger

from changerequests.models.triggers.common import ERASED, append_only
from core.triggers import Guard, NeverEmptied, refuse

OF_COMMENTS = [
    append_only(
        "comments_stay",
        "comment",
        erasable="NEW.text = ''"
        " AND (NEW.id, NEW.request_id, NEW.author_id, NEW.created_at)"
        " IS NOT DISTINCT FROM (OLD.id, OLD.request_id, OLD.author_id, OLD.created_at)",
        erased=ERASED.format(column="request_id", row="OLD.request_id"),
    ),
    NeverEmptied(name="comments_are_never_emptied"),
]

OF_ATTACHMENTS = [
    append_only(
        "attachments_stay",
        "attachment",
        erasable="NEW.file = '' AND NEW.name = ''"
        " AND (NEW.id, NEW.request_id, NEW.author_id, NEW.media_type, NEW.size, NEW.created_at)"
        " IS NOT DISTINCT FROM"
        " (OLD.id, OLD.request_id, OLD.author_id, OLD.media_type, OLD.size, OLD.created_at)",
        erased=ERASED.format(column="request_id", row="OLD.request_id"),
    ),
    NeverEmptied(name="attachments_are_never_emptied"),
]

OF_POLICIES = [
    append_only("policies_stay", "version of the policies"),
    NeverEmptied(name="policies_are_never_emptied"),
]

OF_ABSENCES = [
    # Past absences still exclude people from deciding, so they never change.
    Guard(
        name="past_absences_stay",
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        condition=pgtrigger.Condition("OLD.starts_on <= (now() AT TIME ZONE 'UTC')::date"),
        func=f"""
            IF TG_OP = 'UPDATE'
               AND (NEW.id, NEW.member_id, NEW.substitute_id, NEW.starts_on)
                   = (OLD.id, OLD.member_id, OLD.substitute_id, OLD.starts_on)
               AND (NEW.ends_on = OLD.ends_on OR NEW.ends_on >= (now() AT TIME ZONE 'UTC')::date) THEN
                RETURN NEW;
            END IF;
            {refuse("Refused: absence % has begun. It can only end earlier or later, from today on.", "OLD.id")}
        """,
    ),
    NeverEmptied(name="absences_are_never_emptied"),
]
