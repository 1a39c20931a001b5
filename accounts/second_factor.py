"""The second factor of staff and members: codes of an authenticator (TOTP), and recovery codes, kept as hashes.

Wrong codes are slowed down by django-otp: after each one the next must wait twice as long.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import Member, RecoveryCode, User

RECOVERY_CODES = 10
# No letter that could be read as another one or as a digit.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
CODE_LENGTH = 16
MARK = "second_factor"


@dataclass(frozen=True)
class Verdict:
    """Whether a code was right; else for how many seconds no other is looked at."""

    is_right: bool
    wait_seconds: int = 0


def is_for(user: User) -> bool:
    """Whether the login is one that can have a second factor: staff's or a member's, no contact's."""
    return user.is_staff or user.is_superuser or Member.objects.filter(user=user).exists()


def has_factor(user: User) -> bool:
    return TOTPDevice.objects.filter(user=user, confirmed=True).exists()


def device_to_enrol(user: User) -> TOTPDevice:
    """The device that waits for its first code; made when there is none."""
    waiting = TOTPDevice.objects.filter(user=user, confirmed=False).first()
    return waiting or TOTPDevice.objects.create(user=user, name="authenticator", confirmed=False)


@transaction.atomic
def confirm_device(user: User, code: str) -> list[str] | None:
    """Take the device into use when the code is its, and return new recovery codes; None when it is not.

    The user's sessions end, because they were begun with a password alone: the caller renews its own.
    """
    device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=False).first()
    if device is None or not device.verify_token(_plain(code)):
        return None
    TOTPDevice.objects.filter(user=user, confirmed=True).delete()
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    user.refresh_from_db(fields=["session_generation"])
    return new_recovery_codes(user)


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Codes that count once each; those before them count no more."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, code_hash=_hashed(code)) for code in codes)
    return ["-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4)) for code in codes]


@transaction.atomic
def check_code(user: User, code: str) -> Verdict:
    """Look at a code of the authenticator or a recovery code. Locks the device, so that two tries count as two."""
    device = TOTPDevice.objects.select_for_update().filter(user=user, confirmed=True).first()
    if device is None:
        return Verdict(False)
    is_allowed, reason = device.verify_is_allowed()
    if not is_allowed:
        return Verdict(False, max(1, round((reason["locked_until"] - timezone.now()).total_seconds())))
    if len(_plain(code)) == CODE_LENGTH:
        if RecoveryCode.objects.filter(user=user, code_hash=_hashed(_plain(code))).delete()[0]:
            device.throttle_reset()
            return Verdict(True)
        device.throttle_increment()
        return Verdict(False)
    return Verdict(bool(device.verify_token(_plain(code))))


@transaction.atomic
def remove_factor(user: User) -> bool:
    """Forget the device and the recovery codes; whether there were any."""
    RecoveryCode.objects.filter(user=user).delete()
    return bool(TOTPDevice.objects.filter(user=user).delete()[0])


def is_required_of(user: User) -> bool:
    """Whether the login may not be used without a second factor."""
    return bool(settings.REQUIRE_SECOND_FACTOR) and is_for(user)


def _plain(code: str) -> str:
    return "".join(code.split()).replace("-", "").lower()


def _hashed(code: str) -> str:
    # Eighty random bits need no slow hash.
    return sha256(code.encode()).hexdigest()
