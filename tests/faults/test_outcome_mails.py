"""Outcome mails while the mail server is down and workers are killed: every initiator gets one.

Delivery is at least once: if a worker dies after the mail server accepted a mail, the mail is sent again.
"""

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.faults.installation import Installation, Process, Web, wait_until
from tests.faults.test_database_restarts import new_contact
from tests.faults.test_queue_mail_and_workers import SLOW, Mailbox, SilentServer, send

DECISIONS = 3
PEOPLE = """
from django.contrib.auth.models import Permission
from accounts.actor import system_actor
from accounts.models import Member, User
from accounts.scopes import ALL_SCOPES
from accounts.services import issue_token
import json
tokens = {}
for name in ("anna", "rita"):
    user = User.objects.create_user(f"{name}-%(run)s", email=f"{name}-%(run)s@bank.example", is_staff=True)
    names = ("review_changerequest", "add_contact", "change_contact_details")
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    Member.objects.create(user=user, sees_all_contacts=True)
    tokens[name] = issue_token(actor=system_actor("tests"), user=user, scopes=ALL_SCOPES)
print(json.dumps(tokens))
"""


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    mailbox = Mailbox()
    yield mailbox
    mailbox.is_slow = False
    mailbox.stop()


@pytest.fixture
def worker(installation: Installation, mailbox: Mailbox) -> Callable[[], Process]:
    return lambda: installation.worker(EMAIL_URL=f"smtp://127.0.0.1:{mailbox.port}")


@pytest.fixture(scope="module")
def tokens(installed: Installation) -> dict[str, str]:
    """Tokens of two members who submit changes and review each other's."""
    done = installed.manage("shell", "--verbosity=0", "-c", PEOPLE % {"run": time.monotonic_ns()})
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def decide(standing_web: Callable[..., Web], tokens: dict[str, str]) -> Callable[[], list[int]]:
    web = standing_web()

    def make() -> list[int]:
        """Submit changes of several contacts as Anna and approve them as Rita."""
        return sorted(decided(web, tokens) for _ in range(DECISIONS))

    return make


def decided(web: Web, tokens: dict[str, str]) -> int:
    web.token = tokens["anna"]
    contact = new_contact(web)
    change = {"details": {"personalInformation": {"lastName": "Heusser"}}}
    status, _, body = web.call("PATCH", f"/v1.0/contacts/{contact}/details", change)
    assert (status, body["isApprovalRequired"]) == (200, True), body
    web.token = tokens["rita"]
    search = {"contactIds": [contact]}
    (row,) = web.call("POST", "/v1.0/contacts/change-requests/search", search)[2]["results"]
    review = f"/v1.0/contacts/{contact}/change-requests/{row['id']}/review"
    assert web.call("POST", review, {"isApproved": True})[0] == 204
    return int(row["id"])


def numbers(mailbox: Mailbox) -> list[int]:
    """Return the ids of the requests in the mails."""
    subjects = [str(message["Subject"]) for message in mailbox.messages]
    return sorted(int(re.findall(r"#(\d+) was approved", subject)[0]) for subject in subjects)


def due(installation: Installation, requests: list[int]) -> list[int]:
    """Return the requests whose mail is still due."""
    with installation.database() as connection:
        found = connection.execute(
            "SELECT id FROM changerequests_changerequest WHERE is_outcome_due AND id = ANY(%s) ORDER BY id", [requests]
        )
        return [number for (number,) in found]


def let_minutes_pass(installation: Installation, requests: list[int]) -> None:
    """Backdate decisions and claims by minutes, then run the beat task."""
    with installation.database() as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "UPDATE changerequests_changerequest SET reviewed_at = reviewed_at - interval '5 minutes', "
            "outcome_claimed_at = outcome_claimed_at - interval '5 minutes' WHERE id = ANY(%s)",
            [requests],
        )
    send(installation, "changerequests.tasks", "send_due_outcomes")


def test_a_worker_that_is_killed_while_it_sends_loses_none(
    installation: Installation, mailbox: Mailbox, worker: Callable[[], Process], decide: Callable[[], list[int]]
) -> None:
    with SilentServer(mailbox.port) as silent:
        running = worker()
        requests = decide()
        wait_until(lambda: silent.connections, "the worker does not send", seconds=SLOW)
        running.kill()
    assert due(installation, requests) == requests
    mailbox.start()
    again = worker()
    let_minutes_pass(installation, requests)
    wait_until(lambda: not due(installation, requests), f"not all are told: {again.output[-2000:]}", seconds=SLOW)
    assert numbers(mailbox) == requests


def test_one_that_is_killed_before_it_notes_what_was_taken_sends_that_again_and_no_other(
    installation: Installation, mailbox: Mailbox, worker: Callable[[], Process], decide: Callable[[], list[int]]
) -> None:
    mailbox.start()
    mailbox.is_slow = True
    running = worker()
    requests = decide()
    wait_until(lambda: mailbox.messages, "the worker does not send", seconds=SLOW)
    (taken,) = numbers(mailbox)
    running.kill()
    mailbox.is_slow = False
    assert due(installation, requests) == requests
    worker()
    let_minutes_pass(installation, requests)
    wait_until(lambda: not due(installation, requests), "not all are told", seconds=SLOW)
    assert numbers(mailbox) == sorted([*requests, taken])


def test_while_the_mail_server_is_down_they_are_kept_and_go_out_once_when_it_is_back(
    installation: Installation, mailbox: Mailbox, worker: Callable[[], Process], decide: Callable[[], list[int]]
) -> None:
    running = worker()
    requests = decide()
    wait_until(lambda: running.output.count("task_retries") >= DECISIONS, "they were not tried", seconds=SLOW)
    assert due(installation, requests) == requests
    mailbox.start()
    wait_until(lambda: not due(installation, requests), "they were not tried again", seconds=SLOW)
    assert numbers(mailbox) == requests
    assert "bank.example" not in running.output
