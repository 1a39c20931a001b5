"""Django's command, which would let one person log in as another."""

from django.contrib.auth.management.commands import changepassword

from administration.commands import OnlyBeforePeople


class Command(OnlyBeforePeople, changepassword.Command):
    instead = "Have a link mailed to the login's own address, on its page in the admin."
