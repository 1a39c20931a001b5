"""Authentication of contacts by their username, ignoring case."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.http import HttpRequest

from accounts.models import User


class ContactBackend(ModelBackend):
    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        """Return the contact's user if the password is right. Takes the same time for an unknown username."""
        if username is None or password is None:
            return None
        user = User.objects.filter(contact__username__iexact=username).first()
        if user is None:
            User().set_password(password)
            return None
        return user if user.check_password(password) and self.user_can_authenticate(user) else None
