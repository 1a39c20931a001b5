"""A command that nobody has declared as a door."""

from django.core.management import BaseCommand


class Command(BaseCommand):
    pass
