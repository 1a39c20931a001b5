"""Triggers by which no contact has the login name of somebody else, by any way in.

Writers of contacts take a shared advisory lock, those of users and of reserved names an exclusive one, and all of them
look at the other side after that: see `changerequests/models/creations.py`.
"""

import pgtrigger

from accounts.names import compared_name
from changerequests.models.creations import RESERVING
from core.triggers import Guard, refused

USERNAME_TAKEN = "contact_username_unique_ignoring_case"
USER_NAME_TAKEN = "user_username_unique_ignoring_case"
# A contact's login has a name of its own besides, with which nobody logs in: `contact-` and the contact's uid.
INTERNAL = "^contact-[0-9a-f-]{36}$"

_SHARED = f"PERFORM pg_advisory_xact_lock_shared({RESERVING});"
_EXCLUSIVE = f"PERFORM pg_advisory_xact_lock({RESERVING});"
_TAKEN = refused(USERNAME_TAKEN, "another login has this name.")


def _same(one: str, other: str) -> str:
    return f"{compared_name(f'{one}.username')} = {compared_name(f'{other}.username')}"


def _has_login(row: str) -> str:
    """SQL: a user that is not the contact's own has the name of a row."""
    return f"""EXISTS (SELECT FROM public.accounts_user login
                     WHERE {_same("login", row)} AND login.id IS DISTINCT FROM {row}.user_id)"""  # noqa: S608 - constants


OF_CONTACTS = [
    # Once per statement, so that COPY pays for one join per batch.
    Guard(
        name="username_is_of_no_login",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="written"),
        func=f"""
            {_SHARED}
            IF EXISTS (SELECT FROM written WHERE {_has_login("written")}) THEN
                {_TAKEN}
            END IF;
            RETURN NULL;
        """,
    ),
    Guard(
        name="new_username_is_of_no_login",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf("username"),
        condition=pgtrigger.Condition("NEW.username IS DISTINCT FROM OLD.username AND NEW.username IS NOT NULL"),
        func=f"""
            {_SHARED}
            IF {_has_login("NEW")} THEN
                {_TAKEN}
            END IF;
            RETURN NULL;
        """,
    ),
]

OF_WAITING_CONTACTS = [
    Guard(
        name="username_is_of_no_login",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("username"),
        condition=pgtrigger.Condition("NEW.username IS NOT NULL"),
        func=f"""
            {_EXCLUSIVE}
            IF EXISTS (SELECT FROM public.accounts_user login WHERE {_same("login", "NEW")}) THEN
                {_TAKEN}
            END IF;
            RETURN NEW;
        """,
    )
]

# Logins of contacts, of which there are many, do not wait for others: nobody else can have their names.
_NAME_IS_FREE = f"""
    IF NEW.username !~ '{INTERNAL}' THEN
        {_EXCLUSIVE}
    END IF;
    IF EXISTS (SELECT FROM public.accounts_user login WHERE {_same("login", "NEW")} AND login.id <> NEW.id)
    OR EXISTS (SELECT FROM public.contacts_contact contact
                WHERE {_same("contact", "NEW")} AND contact.user_id IS DISTINCT FROM NEW.id)
    OR EXISTS (SELECT FROM public.contacts_waitingcontact waiting WHERE {_same("waiting", "NEW")})
    THEN
        {refused(USER_NAME_TAKEN, "another login has this name.")}
    END IF;
    RETURN NEW;
"""  # noqa: S608 - constants

OF_LOGINS = [
    Guard(name="username_is_free", when=pgtrigger.Before, operation=pgtrigger.Insert, func=_NAME_IS_FREE),
    Guard(
        name="new_username_is_free",
        when=pgtrigger.Before,
        operation=pgtrigger.UpdateOf("username"),
        condition=pgtrigger.Condition("NEW.username IS DISTINCT FROM OLD.username"),
        func=_NAME_IS_FREE,
    ),
]
