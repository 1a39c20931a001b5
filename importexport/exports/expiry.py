"""Files that have lain long enough."""

from django.db import transaction
from django.utils import timezone

from contacts.services.stored_files import discard_file
from importexport.models import ExportJob


def delete_expired_files() -> int:
    """Delete the files that have expired, and return how many; the rows stay and say what was exported when."""
    expired = ExportJob.objects.filter(expires_at__lte=timezone.now()).exclude(file_name="")
    count = 0
    for job in expired.only("file_name").iterator():
        with transaction.atomic():
            if ExportJob.objects.filter(pk=job.pk, file_name=job.file_name).update(file_name=""):
                discard_file(job.file_name)
                count += 1
    return count
