from django.db import models
from simple_history.models import HistoricalRecords


class Contact(models.Model):
    username = models.CharField(max_length=254, unique=True)
    external_id = models.CharField(max_length=200, unique=True)
    details = models.JSONField(default=dict)
    history = HistoricalRecords()

    def __str__(self) -> str:
        return self.username
