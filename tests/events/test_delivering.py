"""How webhooks are delivered to: several calls at a time, and none of them for longer than it may take."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.db import connection
from django.utils import timezone

from accounts.models import ClientApplication
from events.models import Delivery, Webhook
from events.queries.feed import last_position
from events.services import runs
from events.services.delivering import deliver_due
from events.services.numbering import number_events
from tests.events.receivers import Receiver
from tests.events.test_feed import rename

pytestmark = pytest.mark.django_db
# For what must come about, however loaded the host is.
PATIENCE = 60
# The beginnings of an answer and of a TLS handshake.
BEGINNINGS = {"http": b"HTTP/1.1 200 OK\r\nX-Long: ", "https": b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"}


@contextmanager
def dribbling(beginning: bytes) -> Iterator[int]:
    """A server that answers byte by byte, without end; yields its port."""
    over = threading.Event()

    def dribble(connected: socket.socket) -> None:
        with connected:
            try:
                connected.sendall(beginning)
                while not over.wait(0.02):
                    connected.sendall(b"x")
            except OSError:
                return

    def serve() -> None:
        while True:
            try:
                connected, _address = server.accept()
            except OSError:
                return
            threading.Thread(target=dribble, args=[connected], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            server.shutdown(socket.SHUT_RDWR)


def certificate(folder: Path, *, host: str) -> Path:
    """Make a certificate that is signed by itself; return the file with it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "receiver")])
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(timezone.now() - timedelta(days=1)).not_valid_after(timezone.now() + timedelta(days=1))
    signed = made.add_extension(alternative, critical=False).sign(key, hashes.SHA256())
    file = folder / "receiver.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(signed.public_bytes(Encoding.PEM) + secret)
    return file


def callers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("webhook-")]


def versions_by_contact(receiver: Receiver) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for call in receiver.accepted:
        found.setdefault(call.data["subject"]["id"], []).append(call.data["version"])
    return found


def test_several_subjects_are_sent_at_a_time_and_the_events_of_each_in_their_order(
    app, subscribe, receiver, make_contact
):
    contacts = [make_contact() for _ in range(runs.MOST_REFUSALS)]
    subscribe(app)
    for number in range(4):
        for contact in contacts:
            rename(contact, f"Name {number}", api=app)
    together = threading.Barrier(len(contacts))
    under_way: set[int] = set()

    def answer(call):
        contact = call.data["subject"]["id"]
        assert contact not in under_way
        under_way.add(contact)
        together.wait(PATIENCE)
        under_way.remove(contact)
        return 204

    receiver.answer = answer
    deliver_due()
    assert versions_by_contact(receiver) == {contact.pk: [2, 3, 4, 5] for contact in contacts}


def test_a_slow_receiver_and_a_dead_one_hold_up_no_other(app, subscribe, receiver, make_contact):
    everything_came = threading.Event()
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0), backlog=0) as dead:
        quick = stack.enter_context(Receiver())
        # Nobody takes it, and there is no room for another.
        waiting = [socket.create_connection(dead.getsockname()) for _ in range(1)]
        stack.callback(lambda: [one.close() for one in waiting])
        subscribe(app)
        subscribe(app, url=f"http://127.0.0.1:{dead.getsockname()[1]}/events")
        subscribe(app, url=quick.url)
        receiver.answer = lambda call: 204 if everything_came.wait(PATIENCE) else 500
        contacts = [make_contact() for _ in range(12)]

        def answer(call):
            if len(quick.accepted) + 1 == len(contacts):
                everything_came.set()
            return 204

        quick.answer = answer
        deliver_due()
        assert everything_came.is_set()
        assert (len(receiver.accepted), receiver.refused) == (12, [])
    states = dict(Webhook.objects.values_list("url", "failing_since"))
    assert [since is None for _url, since in sorted(states.items(), key=lambda state: state[0] == receiver.url)]


@pytest.mark.parametrize("scheme", BEGINNINGS)
def test_a_receiver_that_answers_byte_by_byte_is_cut_off(app, subscribe, make_contact, monkeypatch, scheme):
    monkeypatch.setattr(runs, "CALL_SECONDS", 0.3)
    with dribbling(BEGINNINGS[scheme]) as port:
        subscribe(app, url=f"{scheme}://127.0.0.1:{port}/events")
        make_contact()
        deliver_due()
        for thread in callers():
            thread.join(PATIENCE)
        assert callers() == []
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.error, delivery.attempts) == ("Pending", "Timeout", 1)


@pytest.mark.parametrize(
    ("host", "is_trusted", "error"),
    [("127.0.0.1", False, "Certificate"), ("127.0.0.2", True, "Certificate"), ("127.0.0.1", True, "")],
)
def test_a_certificate_has_to_be_trusted_and_that_of_the_host(
    app, subscribe, receiver, make_contact, monkeypatch, tmp_path, host, is_trusted, error
):
    file = certificate(tmp_path, host=host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    receiver.socket = context.wrap_socket(receiver.socket, server_side=True, do_handshake_on_connect=False)
    if is_trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    subscribe(app, url=receiver.url.replace("http:", "https:"))
    contact = make_contact()
    rename(contact, "Zwingli", api=app)
    deliver_due()
    # The second call is over the connection of the first.
    assert versions_by_contact(receiver) == ({} if error else {contact.pk: [1, 2]})
    assert Delivery.objects.earliest("event").error == error


def test_a_name_that_is_not_resolved_in_time_holds_up_nobody(app, subscribe, receiver, make_contact, monkeypatch):
    """Nothing ends a resolution: the call counts as over without it, and the thread goes once it has ended."""
    resolve, resolved = socket.getaddrinfo, threading.Event()

    def getaddrinfo(host, *args, **options):
        if host == "name.example":
            resolved.wait(PATIENCE)
            raise socket.gaierror
        return resolve(host, *args, **options)

    subscribe(app, url="http://name.example/events")
    subscribe(app)
    make_contact()
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(runs, "CALL_SECONDS", 0.1)
    monkeypatch.setattr(runs, "GRACE_SECONDS", 0.1)
    deliver_due()
    assert len(receiver.accepted) == 1
    delivery = Delivery.objects.get(webhook__url="http://name.example/events")
    assert (delivery.status, delivery.error) == ("Pending", "Timeout")
    assert len(callers()) == 1
    resolved.set()
    for thread in callers():
        thread.join(PATIENCE)
    assert callers() == []


def test_what_a_killed_worker_had_claimed_is_delivered_when_the_claim_has_run_out(
    app, subscribe, receiver, make_contact
):
    subscribe(app)
    make_contact()
    Webhook.objects.update(claimed_until=timezone.now() + timedelta(minutes=1))
    deliver_due()
    assert receiver.accepted == []
    Webhook.objects.update(claimed_until=timezone.now())
    deliver_due()
    assert len(receiver.accepted) == 1
    assert Webhook.objects.get().claimed_until is None


def test_no_call_begins_once_the_claim_has_run_out(app, subscribe, receiver, make_contact, monkeypatch):
    subscribe(app)
    start = Webhook.objects.get().position
    make_contact()
    webhook = Webhook.objects.get()
    webhook.claimed_until = timezone.now()
    webhook.save()
    number_events()
    run = runs.Run(webhook, on_end=lambda run, future: None)
    run.open()
    run.look(last=start + 10)
    monkeypatch.setattr(runs, "CLAIMED_FOR", timedelta(0))
    run.begin()
    assert not run.has_calls
    monkeypatch.undo()
    deliver_due()
    assert len(receiver.accepted) == 1
    with pytest.raises(runs.ClaimLostError):
        run.release()


def test_what_is_refused_once_is_accepted_within_the_same_round(app, subscribe, receiver, make_contact):
    contact = make_contact()
    subscribe(app)
    rename(contact, "First", api=app)
    rename(contact, "Second", api=app)
    receiver.answer = lambda call: 500 if not receiver.refused else 204
    deliver_due(linger=2)
    assert len(receiver.refused) == 1
    assert versions_by_contact(receiver) == {contact.pk: [2, 3]}


def test_nothing_is_sent_twice_though_the_receiver_fails_in_between(app, subscribe, receiver, make_contact):
    contacts = [make_contact() for _ in range(6)]
    subscribe(app)
    for number in range(10):
        for contact in contacts:
            rename(contact, f"Name {number}", api=app)
    receiver.answer = lambda call: 204 if len(receiver.accepted) < 25 or len(receiver.refused) >= 9 else 503
    for _ in range(5):
        Delivery.objects.filter(status=Delivery.Status.PENDING).update(next_attempt_at=timezone.now())
        Webhook.objects.update(next_attempt_at=None)
        deliver_due()
    assert versions_by_contact(receiver) == {contact.pk: list(range(2, 12)) for contact in contacts}
    assert not Delivery.objects.exclude(status=Delivery.Status.DELIVERED).exists()


def test_what_is_wrong_with_one_webhook_concerns_no_other(app, subscribe, receiver, make_contact):
    subscribe(app, types=["contact.created"])
    Webhook.objects.update(secret="sealed by nobody")
    subscribe(app)
    make_contact()
    deliver_due()
    assert len(receiver.accepted) == 1
    unreadable, good = Webhook.objects.order_by("pk")
    assert (unreadable.failing_since is None, good.failing_since) == (False, None)


@pytest.mark.django_db(transaction=True)
def test_an_application_that_loses_the_scope_gets_nothing_more_of_what_is_in_hand(
    app, subscribe, receiver, make_contact
):
    contact = make_contact()
    subscribe(app)
    for number in range(50):
        rename(contact, f"Name {number}", api=app)

    def answer(call):
        if not receiver.accepted:
            ClientApplication.objects.update(allowed_scopes="")
            connection.close()
        time.sleep(0.05)
        return 204

    receiver.answer = answer
    deliver_due()
    assert 0 < len(receiver.accepted) < 50
    sent = len(receiver.accepted)
    deliver_due()
    assert len(receiver.accepted) == sent


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_receiver_is_waited_for_and_a_replay_meanwhile_counts(
    app, subscribe, receiver, make_contact
):
    subscribe(app)
    start = Webhook.objects.get().position
    for _ in range(3):
        make_contact()
    in_transaction: list[int] = []

    def answer(call):
        if not in_transaction:
            in_transaction.append(0)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
                )
                in_transaction[0] = cursor.fetchone()[0]
            Webhook.objects.update(claimed_until=None, position=start)
            connection.close()
            # Until the worker has seen it.
            time.sleep(1)
        return 204

    receiver.answer = answer
    deliver_due()
    deliver_due()
    assert in_transaction[0] == 0
    assert Webhook.objects.get().position == last_position()
    assert len({call.data["position"] for call in receiver.accepted}) == 3
