from django.contrib.auth.views import PasswordChangeDoneView
from django.urls import path

from accounts.consent import ConsentView
from accounts.discovery import IntrospectTokenView, MetadataView
from accounts.logins import KontorLoginView, SecondFactorSetupView, SecondFactorView
from accounts.oauth import KontorRevokeTokenView, KontorTokenView
from accounts.password_links import SetPasswordView
from accounts.passwords import ChangePasswordView
from accounts.sso.views import BackChannelLogoutView, CallbackView, KontorLogoutView, SignInView

urlpatterns = [
    path("connect/token", KontorTokenView.as_view(), name="token"),
    path("connect/authorize", ConsentView.as_view(), name="authorize"),
    path("connect/revoke", KontorRevokeTokenView.as_view(), name="revoke-token"),
    path("connect/introspect", IntrospectTokenView.as_view(), name="introspect-token"),
    path(".well-known/oauth-authorization-server", MetadataView.as_view(), name="oauth-metadata"),
    path("connect/login", KontorLoginView.as_view(), name="login"),
    path("connect/set-password/<uidb64>/<token>", SetPasswordView.as_view(), name="set-password"),
    path("connect/change-password", ChangePasswordView.as_view(), name="change-password"),
    path(
        "connect/change-password/done",
        PasswordChangeDoneView.as_view(template_name="accounts/password_changed.html"),
        name="change-password-done",
    ),
    path("connect/second-factor", SecondFactorView.as_view(), name="second-factor"),
    path("connect/second-factor/setup", SecondFactorSetupView.as_view(), name="second-factor-setup"),
    path("connect/logout", KontorLogoutView.as_view(), name="logout"),
    path("connect/sso/<slug:name>/login", SignInView.as_view(), name="sso-login"),
    path("connect/sso/<slug:name>/callback", CallbackView.as_view(), name="sso-callback"),
    path("connect/sso/<slug:name>/logout", BackChannelLogoutView.as_view(), name="sso-logout"),
]
