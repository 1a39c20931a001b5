"""Django's command, in place of which there is `bootstrap` once nobody acts alone."""

from django.contrib.auth.management.commands import createsuperuser

from administration.commands import OnlyBeforePeople


class Command(OnlyBeforePeople, createsuperuser.Command):
    instead = "Add the login in the admin: somebody else approves it, and its owner sets the password."
