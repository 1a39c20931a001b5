"""Downloads of the files that are attached to requests."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.http import content_disposition_header

from changerequests.admin.base import RequestAdmin
from changerequests.models import RequestAttachment
from core.stored_files import storage_reached


class AttachmentAdmin(RequestAdmin):
    """Adds a download for each file, open to those who may see the request."""

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download_attachment)
        address = "<int:change_request_id>/attachments/<int:attachment_id>/"
        return [path(address, download, name="changerequests_changerequest_attachment"), *super().get_urls()]

    def download_attachment(self, request: HttpRequest, change_request_id: int, attachment_id: int) -> HttpResponse:
        """Serve the file as a download with the type that its bytes had: a browser neither shows nor guesses it."""
        change_request = self.get_object(request, str(change_request_id))
        if not self.has_view_permission(request, change_request):
            raise PermissionDenied
        attachments = RequestAttachment.objects.filter(request=change_request.pk).exclude(file="")
        attachment = get_object_or_404(attachments, pk=attachment_id)
        with storage_reached(), attachment.file.open("rb") as file:
            content = file.read()
        answer = HttpResponse(content, content_type=attachment.media_type)
        answer["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=attachment.name)
        answer["Cache-Control"] = "private, no-store"
        return answer
