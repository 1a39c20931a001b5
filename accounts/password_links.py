"""Single-use links with which people choose their own password: nobody sets that of somebody else."""

from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.contrib.auth.views import PasswordResetConfirmView
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User


def password_link(user: User) -> str:
    """Return the path of a page on which the user chooses a password, once.

    The link ends with the first login or password after it, and after `PASSWORD_RESET_TIMEOUT` seconds.
    """
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("set-password", args=[uid, default_token_generator.make_token(user)])


class SetPasswordView(PasswordResetConfirmView):
    """The page behind a link. A login that has been closed has none."""

    template_name = "accounts/set_password.html"
    success_url = reverse_lazy("login")
    reset_url_token = "chosen"  # noqa: S105 - a part of the address, not a secret

    def get_user(self, uidb64: str) -> Any:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None
