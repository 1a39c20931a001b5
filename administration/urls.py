from django.urls import path

from administration.views import ForgottenPasswordView

urlpatterns = [
    path("connect/forgotten-password", ForgottenPasswordView.as_view(), name="forgotten-password"),
]
