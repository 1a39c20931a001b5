"""Single-use links with which people choose their own password: nobody sets that of somebody else."""

from typing import Any

from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpResponse
from django.urls import reverse, reverse_lazy
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.addresses import link_address
from accounts.lockout import Secret, unlock
from accounts.models import User
from accounts.usernames import name_to_log_in_with


class LinkTokenGenerator(PasswordResetTokenGenerator):
    """Django's tokens, which end with a login or another password, end with another address or a closed login too."""

    def _make_hash_value(self, user: User, timestamp: int) -> str:
        return f"{super()._make_hash_value(user, timestamp)}{link_address(user)}{user.session_generation}"


_tokens = LinkTokenGenerator()


def password_link(user: User) -> str:
    """Return the path of a page on which the user chooses a password, once.

    The link ends with the first login, password or address after it, and after `PASSWORD_RESET_TIMEOUT` seconds.
    """
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("set-password", args=[uid, _tokens.make_token(user)])


class SetPasswordView(PasswordResetConfirmView):
    """The page behind a link. A login that has been closed has none."""

    template_name = "accounts/set_password.html"
    success_url = reverse_lazy("login")
    token_generator = _tokens
    reset_url_token = "chosen"  # noqa: S105 - a part of the address, not a secret

    def get_user(self, uidb64: str) -> Any:
        user = super().get_user(uidb64)
        return user if user is not None and user.is_active else None

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {**context, "username": name_to_log_in_with(self.user)} if self.user is not None else context

    def form_valid(self, form: SetPasswordForm) -> HttpResponse:
        """Set the password, and unlock the login: who has the link owns the address."""
        response = super().form_valid(form)
        unlock(Secret(username=form.user.get_username()))
        return response
