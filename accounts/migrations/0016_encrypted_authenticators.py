"""Keys of authenticators that are stored in clear are encrypted."""

from typing import Any

from django.db import migrations

from accounts.sealing import opened, sealed


def encrypt(apps: Any, schema_editor: Any) -> None:
    devices = apps.get_model("otp_totp", "TOTPDevice").objects
    for pk, user_id, key in devices.values_list("pk", "user_id", "key"):
        devices.filter(pk=pk, key=key).update(key=sealed(opened(key, owner=user_id), owner=user_id))


def decrypt(apps: Any, schema_editor: Any) -> None:
    devices = apps.get_model("otp_totp", "TOTPDevice").objects
    for pk, user_id, key in devices.values_list("pk", "user_id", "key"):
        devices.filter(pk=pk, key=key).update(key=opened(key, owner=user_id).hex())


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0015_directory_over_scim"),
        ("otp_totp", "0003_add_timestamps"),
    ]

    operations = [
        migrations.CreateModel(
            name="Authenticator",
            fields=[],
            options={
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("otp_totp.totpdevice",),
        ),
        migrations.RunPython(encrypt, decrypt),
    ]
