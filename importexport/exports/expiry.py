"""Expiry of export files."""

from django.db import transaction
from django.utils import timezone

from core.stored_files import discard_file
from importexport.models import ExportJob


def delete_expired_files() -> int:
    """Delete expired files and return their number; the rows remain as a record of the exports."""
    expired = ExportJob.objects.filter(expires_at__lte=timezone.now()).exclude(file_name="")
    count = 0
    for job in expired.only("file_name"):
        with transaction.atomic():
            if ExportJob.objects.filter(pk=job.pk, file_name=job.file_name).update(file_name=""):
                discard_file(job.file_name)
                count += 1
    return count
