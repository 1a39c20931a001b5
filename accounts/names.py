"""How names that people log in with are compared: by NFKC and without case, in SQL so that the database can hold it."""

from django.db.models import Func, TextField

# Upper case has one form for both of the Greek sigma, unlike lower case. Not every locale writes ß as SS.
_COMPARED = "normalize(upper(replace(replace(normalize({}, NFKC), 'ß', 'ss'), 'ẞ', 'ss')), NFKC)"


def compared_name(sql: str) -> str:
    """Return the SQL of a name as it is compared."""
    return _COMPARED.format(sql)


class LoginName(Func):
    """A name as it is compared."""

    template = compared_name("%(expressions)s")
    output_field = TextField()
