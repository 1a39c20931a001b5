"""The project's addresses, and an operation that nobody has declared as a door."""

from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import STAFF, Access
from accounts.views import ActorView
from config.urls import urlpatterns as of_the_project


class ScratchView(ActorView):
    access = {"PUT": Access("contacts.write", STAFF)}

    def put(self, request: Request, scratchId: int) -> Response:  # noqa: N803 - named after the parameter
        return Response()


urlpatterns = [*of_the_project, path("v1.0/scratch/<int:scratchId>", ScratchView.as_view())]
