"""Create the tables of the stock project and a user, and print the user's token."""

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rest_framework.authtoken.models import Token  # noqa: E402

for app in ("auth", "authtoken"):
    call_command("migrate", app, verbosity=0)
# The project's own tables have no migrations and refer to those of auth.
call_command("migrate", run_syncdb=True, verbosity=0)
print(Token.objects.create(user=User.objects.create_user("benchmark")).key)
