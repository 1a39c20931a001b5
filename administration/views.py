"""Pages of logins that send mails."""

from http import HTTPStatus
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.generic import FormView

from accounts.throttling import check_link_rate
from administration.services.notices import ask_for_password_link
from core.errors import TooManyRequests


class ForgottenPasswordForm(forms.Form):
    username = forms.CharField(max_length=254)


class ForgottenPasswordView(FormView):
    """Asks for a name, and answers alike whether there is such a login."""

    form_class = ForgottenPasswordForm
    template_name = "accounts/forgotten_password.html"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            check_link_rate(request)
        except TooManyRequests as refusal:
            page = render(request, self.template_name, {"refusal": str(refusal)}, status=HTTPStatus.TOO_MANY_REQUESTS)
            page["Retry-After"] = refusal.headers["Retry-After"]
            return page
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: ForgottenPasswordForm) -> HttpResponse:
        ask_for_password_link(typed=form.cleaned_data["username"])
        return render(self.request, self.template_name, {"is_sent": True})
