"""The command of django-oauth-toolkit, which would give one person a key to the API."""

from oauth2_provider.management.commands import createapplication

from administration.commands import OnlyBeforePeople


class Command(OnlyBeforePeople, createapplication.Command):
    instead = "Add the application in the admin, or use create_client_app with a reason, which others review."
