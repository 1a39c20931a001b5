"""An index for names as they are compared, made while others go on writing."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import accounts.names


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("accounts", "0012_single_sign_on")]

    operations = [
        AddIndexConcurrently("user", models.Index(accounts.names.LoginName("username"), name="user_by_login_name")),
    ]
