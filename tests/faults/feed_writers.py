"""Writes changes of contacts in transactions that commit after random delays. Runs in a process of its own.

Usage: python -m tests.faults.feed_writers CHANGES THREADS SEED PARTICIPANT_ID CONTACT_ID...
"""

import os
import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import django

django.setup()

from django.db import connection, transaction  # noqa: E402 - after the set-up

from accounts.actor import system_actor  # noqa: E402
from contacts.models import Contact, ContactParticipant  # noqa: E402
from contacts.services.access import AccessChange, change_access  # noqa: E402
from contacts.services.changes import patch_details  # noqa: E402
from contacts.services.creation import create_contact  # noqa: E402
from core.errors import ApiError  # noqa: E402

# Seconds. With 0.02 eight writers take all that two cores have.
LONGEST_DELAY = float(os.environ.get("FEED_DELAY", "0.02"))
WRITER = system_actor("writer")


def write(changes: int, seed: str, participant: int, contacts: list[int]) -> None:
    choice = random.Random(seed)
    done = 0
    while done < changes:
        try:
            with transaction.atomic():
                _change(choice, f"{seed}-{done}", participant, contacts)
                time.sleep(choice.random() * LONGEST_DELAY)
        except ApiError:
            # Another writer has the contact.
            time.sleep(LONGEST_DELAY)
        else:
            done += 1
    connection.close()


def _change(choice: random.Random, name: str, participant: int, contacts: list[int]) -> None:
    contact_id = choice.choice(contacts)
    act = choice.random()
    if act < 0.05:
        template = Contact.objects.get(pk=contact_id)
        create_contact(actor=WRITER, type_id=template.type_id, username=f"made-{name}", details=template.details)
    elif act < 0.25:
        has = ContactParticipant.objects.filter(contact=contact_id, participant=participant).exists()
        only = frozenset([participant])
        wanted = AccessChange(removed_participants=only) if has else AccessChange(added_participants=only)
        change_access(actor=WRITER, wanted={contact_id: wanted})
    else:
        patch_details(actor=WRITER, contact_id=contact_id, patch={"relationship": {"notes": name}})


if __name__ == "__main__":
    number, threads, first_seed, participant_id, *contact_ids = map(int, sys.argv[1:])
    with ThreadPoolExecutor(threads) as pool:
        writers = [
            pool.submit(write, number, f"{first_seed}-{thread}", participant_id, contact_ids)
            for thread in range(threads)
        ]
    for writer in writers:
        writer.result()
