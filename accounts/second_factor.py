"""The second factor of staff and members: authenticator codes (TOTP) and recovery codes.

Keys of authenticators are stored encrypted, recovery codes as hashes.

django-otp throttles wrong codes: each one doubles the wait for the next.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Authenticator, Member, RecoveryCode, User
from accounts.sealing import is_sealed_with_first_key, sealed
from accounts.typed_codes import is_numeric_code, plain_code

RECOVERY_CODES = 10
# No letters that look like other letters or digits.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
CODE_LENGTH = 16
DIGITS = 6
KEY_BYTES = 20
MARK = "second_factor"
# In a session: the device whose key it has shown.
ENROLLING = "enrolling"


@dataclass(frozen=True)
class Verdict:
    """Whether a code was right, and otherwise for how many seconds no code is accepted, or that it is none at all."""

    is_right: bool
    wait_seconds: int = 0
    is_malformed: bool = False

    @property
    def refusal(self) -> str:
        """Why the code is not accepted, in words; empty if it is."""
        if self.is_right:
            return ""
        if self.is_malformed:
            return _("A code has six digits. A recovery code has sixteen letters and digits.")
        if not self.wait_seconds:
            return _("The code is not right, or was used already.")
        text = ngettext(
            "Wrong codes slow the next one down. Try again in %(seconds)s second.",
            "Wrong codes slow the next one down. Try again in %(seconds)s seconds.",
            self.wait_seconds,
        )
        return text % {"seconds": self.wait_seconds}


# Whom `is_for` means, as a condition on users.
OF_STAFF = Q(is_staff=True) | Q(is_superuser=True) | Q(member__isnull=False)


def is_for(user: User) -> bool:
    """Return whether the login can have a second factor: staff and members can, contacts cannot."""
    return user.is_staff or user.is_superuser or Member.objects.filter(user=user).exists()


def has_factor(user: User) -> bool:
    return Authenticator.objects.filter(user=user, confirmed=True).exists()


@transaction.atomic
def device_to_enrol(user: User, *, known: int | None) -> Authenticator:
    """Return the device that waits for its first code: that known to the session, else a new one instead of any other.

    Somebody else who has given the password may have seen the key of another session.
    """
    waiting = Authenticator.objects.filter(user=user, confirmed=False)
    found = waiting.filter(pk=known).first()
    if found is not None:
        return found
    waiting.delete()
    key = sealed(secrets.token_bytes(KEY_BYTES), owner=user.pk)
    return Authenticator.objects.create(user=user, name="authenticator", confirmed=False, key=key)


@transaction.atomic
def confirm_device(user: User, code: str, *, known: int | None) -> list[str] | None:
    """Confirm the device that the session knows if the code is right, and return new recovery codes; otherwise None.

    Locks the device. Ends the user's sessions, because they started with only a password; the caller renews its own.
    What is no code costs no attempt.
    """
    code = plain_code(code)
    if not is_numeric_code(code, length=DIGITS):
        return None
    device = Authenticator.objects.select_for_update().filter(pk=known, user=user, confirmed=False).first()
    if device is None or not device.verify_token(code):
        return None
    Authenticator.objects.filter(user=user).exclude(pk=device.pk).delete()
    device.confirmed = True
    device.save(update_fields=["confirmed"])
    User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
    user.refresh_from_db(fields=["session_generation"])
    return new_recovery_codes(user)


@transaction.atomic
def new_recovery_codes(user: User) -> list[str]:
    """Replace the recovery codes and return the new ones. Each works once."""
    RecoveryCode.objects.filter(user=user).delete()
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(RecoveryCode(user=user, code_hash=_hashed(code)) for code in codes)
    return ["-".join(code[start : start + 4] for start in range(0, CODE_LENGTH, 4)) for code in codes]


@transaction.atomic
def check_code(user: User, code: str) -> Verdict:
    """Check an authenticator or recovery code. Locks the device, so that concurrent attempts both count.

    What has the form of neither costs no attempt.
    """
    code = plain_code(code)
    is_recovery_code = len(code) == CODE_LENGTH and set(code) <= set(ALPHABET)
    if not is_recovery_code and not is_numeric_code(code, length=DIGITS):
        return Verdict(False, is_malformed=True)
    device = Authenticator.objects.select_for_update().filter(user=user, confirmed=True).first()
    if device is None:
        return Verdict(False)
    is_allowed, reason = device.verify_is_allowed()
    if not is_allowed:
        return Verdict(False, max(1, round((reason["locked_until"] - timezone.now()).total_seconds())))
    if is_recovery_code:
        if RecoveryCode.objects.filter(user=user, code_hash=_hashed(code)).delete()[0]:
            device.throttle_reset()
            return Verdict(True)
        device.throttle_increment()
        return Verdict(False)
    return Verdict(bool(device.verify_token(code)))


def seal_again() -> int:
    """Encrypt the keys that are not encrypted with the first key yet; return how many. Locks each of these
    for itself.

    Raises UnreadableSecretError for one that no key decrypts; those before it stay done.
    """
    done = 0
    for pk, owner, key in Authenticator.objects.order_by("pk").values_list("pk", "user_id", "key"):
        if is_sealed_with_first_key(key, owner=owner):
            continue
        with transaction.atomic():
            device = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if device is None or is_sealed_with_first_key(device.key, owner=device.user_id):
                continue
            device.key = sealed(device.bin_key, owner=device.user_id)
            device.save(update_fields=["key"])
            done += 1
    return done


@transaction.atomic
def remove_factor(user: User) -> bool:
    """Delete the device and the recovery codes; return whether there was a device."""
    RecoveryCode.objects.filter(user=user).delete()
    return bool(Authenticator.objects.filter(user=user).delete()[0])


def is_required_of(user: User) -> bool:
    """Return whether the login requires a second factor."""
    return bool(settings.REQUIRE_SECOND_FACTOR) and is_for(user)


def _hashed(code: str) -> str:
    # Nearly eighty random bits need no slow hash.
    return sha256(code.encode()).hexdigest()
