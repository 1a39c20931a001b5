"""The names of permissions for people."""

from django.contrib.auth.models import Permission
from django.utils.translation import gettext


def permission_label(permission: Permission) -> str:
    """Return a permission's label in the user's language; the database has only English names."""
    kind = permission.content_type.model_class()
    of = permission.content_type.name if kind is None else kind._meta.verbose_name_plural
    return f"{of}: {gettext(permission.name)}"
