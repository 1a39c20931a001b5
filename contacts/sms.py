"""Text messages. The setting SMS_BACKEND selects the implementation."""

from functools import cache
from typing import Protocol

import requests
import structlog
from django.conf import settings
from django.utils.module_loading import import_string

from core.outbox import MessageRefusedError

TIMEOUT_SECONDS = 10
# What is said of the number; other errors are about the gateway, or how we talk to it.
REFUSALS = (400, 422)


log = structlog.get_logger("kontor.sms")


class SmsNotSentError(Exception):
    """The gateway did not accept the message."""


class SmsBackend(Protocol):
    def send(self, *, to: str, text: str) -> None:
        """Send a message to an E.164 number.

        Raises SmsNotSentError, after which the task retries; MessageRefusedError if the number is refused for good.
        """


class ConsoleBackend:
    """Prints messages, for development and trials; where the log is JSON, writes them there."""

    def send(self, *, to: str, text: str) -> None:
        if settings.LOG_FORMAT == "json":
            log.info("sms", to=to, text=text)
        else:
            print(f"SMS to {to}: {text}", flush=True)  # noqa: T201 - its purpose


class HttpGatewayBackend:
    """Posts JSON `{"from", "to", "text"}` to SMS_GATEWAY_URL with SMS_GATEWAY_TOKEN as bearer token."""

    def send(self, *, to: str, text: str) -> None:
        try:
            response = requests.post(
                settings.SMS_GATEWAY_URL,
                json={"from": settings.SMS_SENDER, "to": to, "text": text},
                headers={"Authorization": f"Bearer {settings.SMS_GATEWAY_TOKEN}"},
                timeout=TIMEOUT_SECONDS,
            )
            if response.status_code in REFUSALS:
                raise MessageRefusedError(f"The gateway answered {response.status_code}.")
            response.raise_for_status()
        except requests.RequestException as error:
            raise SmsNotSentError(f"The gateway did not take the message: {type(error).__name__}.") from error


@cache
def _backend(path: str) -> SmsBackend:
    return import_string(path)()


def send_sms(*, to: str, text: str) -> None:
    """Send a text message with the configured backend. Raises SmsNotSentError, MessageRefusedError."""
    _backend(settings.SMS_BACKEND).send(to=to, text=text)
