"""The names of permissions for people."""

from django.contrib.auth.models import Permission
from django.utils.translation import gettext

from administration.permissions import words_of


def permission_label(permission: Permission) -> str:
    """Return what a permission allows in the user's language, after its area.

    For those that nothing asks for there are no words but those of Django, which has English names.
    """
    words = words_of(f"{permission.content_type.app_label}.{permission.codename}")
    if words:
        return words
    kind = permission.content_type.model_class()
    of = permission.content_type.name if kind is None else kind._meta.verbose_name_plural
    return f"{of}: {gettext(permission.name)}"
