"""Who may still log in with a password where staff log in at an identity provider."""

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import User
from accounts.second_factor import OF_STAFF


def staff_with_passwords() -> QuerySet[User]:
    """Return the active staff whom the setting `LOCAL_LOGIN` lets log in with a password."""
    staff = User.objects.filter(OF_STAFF, is_active=True)
    if settings.LOCAL_LOGIN == "staff":
        return staff
    if settings.LOCAL_LOGIN == "superusers":
        return staff.filter(is_superuser=True)
    return staff.filter(groups__name=settings.LOCAL_LOGIN)
