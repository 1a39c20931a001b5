from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path
from oauth2_provider.views import AuthorizationView, RevokeTokenView, TokenView

urlpatterns = [
    path("connect/token", TokenView.as_view(), name="token"),
    path("connect/authorize", AuthorizationView.as_view(), name="authorize"),
    path("connect/revoke", RevokeTokenView.as_view(), name="revoke-token"),
    path("connect/login", LoginView.as_view(template_name="accounts/login.html"), name="login"),
    path("connect/logout", LogoutView.as_view(), name="logout"),
]
