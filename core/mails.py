"""Sends mails, and distinguishes what is refused for good from what can be tried again."""

from collections.abc import Sequence
from smtplib import SMTPDataError, SMTPRecipientsRefused

import structlog
from django.core.mail import EmailMessage, send_mail
from django.core.mail.backends.base import BaseEmailBackend
from email_validator import EmailNotValidError, validate_email

from core.outbox import MessageRefusedError

# What mail servers say of an address or a message. Other permanent errors, such as a missing login, are about how we
# talk to the server: the operator puts that right, and nothing may be lost until then.
REFUSALS = frozenset({550, 551, 552, 553, 554, 556})

log = structlog.get_logger("kontor.mails")


class LogBackend(BaseEmailBackend):
    """Writes mails to the log and sends none, for trials whose log is JSON."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            log.info("mail", to=message.recipients(), subject=str(message.subject), text=str(message.body))
        return len(email_messages)


def send_text(subject: str, text: str, *, to: str) -> None:
    """Send a mail. Raises MessageRefusedError if it need not be tried again, otherwise OSError."""
    try:
        send_mail(subject, text, None, [mailable(to)])
    except SMTPRecipientsRefused as error:
        _check_refusal([code for code, _text in error.recipients.values()], error)
        raise
    except SMTPDataError as error:
        _check_refusal([error.smtp_code], error)
        raise


def mailable(address: str) -> str:
    """Return the address with an international domain in ASCII, by IDNA 2008 as its registry has it.

    Django would encode it by IDNA 2003, which makes another domain of some: straße.example becomes strasse.example.
    """
    if address.isascii():
        return address
    try:
        return validate_email(address, check_deliverability=False).ascii_email or address
    except EmailNotValidError:
        return address


def _check_refusal(codes: list[int], error: OSError) -> None:
    # The server's text may name the address, so that it must not reach the log.
    if REFUSALS.issuperset(codes):
        raise MessageRefusedError(f"The mail server answered {codes}.") from error
