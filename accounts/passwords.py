"""Changing one's own password, which takes the present one: a session that somebody found open is not enough."""

from typing import Any

from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.urls import reverse_lazy

from accounts.lockout import Secret, locked_text, note_failure, seconds_locked, unlock


class ChangePasswordForm(PasswordChangeForm):
    """Asks for the present password, wrong ones of which count like those at the login page."""

    def __init__(self, *args: Any, request: HttpRequest, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._request = request

    def clean_old_password(self) -> str:
        secret = Secret(username=self.user.get_username())
        if seconds := seconds_locked(secret):
            raise ValidationError(locked_text(seconds))
        try:
            password: str = super().clean_old_password()
        except ValidationError:
            note_failure(self._request, secret)
            raise
        unlock(secret)
        return password


class ChangePasswordView(PasswordChangeView):
    """The page for staff, members and contacts. The sessions and tokens from before end, except this session."""

    template_name = "accounts/change_password.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("change-password-done")

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "request": self.request}
