"""An index for names as they are compared, made while others go on writing."""

import django.contrib.auth.models
from django.conf import settings
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import accounts.names


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("accounts", "0013_login_names"),
        ("contacts", "0028_erasures_of_refused_creations"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="LoginOfContacts",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("accounts.user",),
            managers=[
                ("objects", django.contrib.auth.models.UserManager()),
            ],
        ),
        AddIndexConcurrently(
            "contact", models.Index(accounts.names.LoginName("username"), name="contact_by_login_name")
        ),
    ]
