"""Shared by the triggers of all tables of requests."""

import pgtrigger

from core.triggers import Guard, refuse

# Values leave only if the erasure of the subject is on record, comments also if that of one subject of many is.
ERASED = """
    EXISTS (
        SELECT FROM public.changerequests_requestsubject subject
          JOIN public.audit_erasure erasure
            ON erasure.kind = subject.kind AND erasure.subject_id = subject.subject_id
         WHERE subject.{column} = {row})
"""
# Puts who decides into `people`, and all for whom it stood in since the `request` began.
PEOPLE = """SELECT array_agg(member) INTO people FROM (
                SELECT NEW.member_id AS member
                 UNION SELECT NEW.on_behalf_of_id WHERE NEW.on_behalf_of_id IS NOT NULL
                 UNION SELECT absence.member_id FROM public.changerequests_absence absence
                        WHERE absence.substitute_id = NEW.member_id
                          AND absence.ends_on >= (request.created_at AT TIME ZONE 'UTC')::date
                          AND absence.starts_on <= (now() AT TIME ZONE 'UTC')::date) represented;"""
# Advisory lock key: shared by those who propose something.
PROPOSING = 0x4B505253
# The statuses of requests, in SQL.
PENDING, APPROVED, REJECTED, RETURNED = 1, 2, 3, 5


def append_only(name: str, thing: str, *, erasable: str = "", erased: str = "") -> Guard:
    """Refuse updates and deletions, but for what `erasable` allows if `erased` says that there was an erasure."""
    exception = f"""
        IF TG_OP = 'UPDATE' AND {erasable} AND {erased} THEN
            RETURN NEW;
        END IF;
    """
    return Guard(
        name=name,
        when=pgtrigger.Before,
        operation=pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            {exception if erasable else ""}
            {refuse(f"Refused: {thing} % is never changed or deleted.", "OLD.id")}
        """,
    )
