"""How names are compared that no two may share: by NFKC and without case, in SQL so that the database can hold it."""

import pgtrigger
from django.db.models import Func, TextField

from core.triggers import Guard, refused

# Upper case has one form for both of the Greek sigma, unlike lower case. Not every locale writes ß as SS.
_COMPARED = "normalize(upper(replace(replace(normalize({}, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC)"


def compared_name(sql: str) -> str:
    """Return the SQL of a name as it is compared."""
    return _COMPARED.format(sql)


class LoginName(Func):
    """A name as it is compared."""

    template = compared_name("%(expressions)s")
    output_field = TextField()


def unique_name(table: str, *, constraint: str) -> Guard:
    """Return the trigger that refuses a row the name of another. Writers of names wait for each other.

    It takes the place of a unique index because rows from before may share a name: they stay, and doctor lists them.
    """
    return Guard(
        name="name_is_unique",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.UpdateOf("name"),
        func=f"""
            IF NEW.name = '' OR TG_OP = 'UPDATE' AND NEW.name = OLD.name THEN
                RETURN NEW;
            END IF;
            PERFORM pg_advisory_xact_lock(hashtextextended('{table}.name', 0));
            IF EXISTS (SELECT FROM public.{table} other
                        WHERE other.id <> NEW.id AND {compared_name("other.name")} = {compared_name("NEW.name")}) THEN
                {refused(constraint, "another one has this name.")}
            END IF;
            RETURN NEW;
        """,
    )
