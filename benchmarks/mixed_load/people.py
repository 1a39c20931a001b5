"""Set-up of contacts, members who submit and review, and applications with and without participants."""

from datetime import timedelta

import orjson
from django.contrib.auth.models import Permission
from django.utils import timezone
from oauth2_provider.generators import generate_client_secret
from oauth2_provider.models import AccessToken, set_token_value

from accounts.actor import system_actor
from accounts.models import ClientApplication, Member, Participant, User
from accounts.scopes import ALL_SCOPES
from accounts.services import issue_token
from administration.services.applications import create_client_application
from benchmarks.mixed_load import PLACE
from benchmarks.mixed_load.world import PARTICIPANT, SHARED, World, entry
from contacts.models import CONTACT_TYPES, Contact
from importexport.imports.running import run_job
from importexport.imports.services import start_sync
from importexport.imports.uploads import store_uploads
from importexport.models import ImportJob, ImportKind
from schemas.models import ListItem

ACTOR = system_actor("benchmark")


def settle(contacts: int) -> World:
    """Create everything and return it. Contacts are imported, so that each has a history from its first version."""
    participant = Participant.objects.create(name=PARTICIPANT)
    kind = ListItem.objects.get(list__key=CONTACT_TYPES, key="client").pk
    file = PLACE / "first.json"
    file.write_bytes(b"\n".join(orjson.dumps(entry(kind, number)) for number in range(contacts)))
    with file.open("rb") as upload:
        store_uploads(actor=ACTOR, kind=ImportKind.CONTACTS, uploads=[upload])
    job = start_sync(actor=ACTOR, kind=ImportKind.CONTACTS, is_sent=False)
    run_job(job.pk)
    assert ImportJob.objects.get(pk=job.pk).created == contacts
    ids = list(Contact.objects.order_by("pk").values_list("pk", flat=True))
    applications = [application("everything"), application("zurich", participant)]
    return World(
        contact_ids=ids,
        shared_ids=ids[:SHARED],
        contact_type_id=kind,
        application_token=applications[0],
        participant_token=applications[1],
        participant_id=participant.pk,
        member_tokens=[member(f"clerk{number}") for number in range(2)],
        reviewer_tokens=[member(f"reviewer{number}", reviews=True) for number in range(2)],
    )


def member(username: str, *, reviews: bool = False) -> str:
    """Create a member who sees all contacts; return its token."""
    user = User.objects.create_user(username, first_name=username.title(), last_name="Load", is_staff=True)
    if reviews:
        user.user_permissions.add(Permission.objects.get(codename="review_changerequest"))
    Member.objects.create(user=user, sees_all_contacts=True)
    return issue_token(actor=ACTOR, user=user, scopes=ALL_SCOPES)


def application(name: str, *participants: Participant) -> str:
    """Create an application; return a token valid for a day, longer than any run."""
    made: ClientApplication = create_client_application(
        actor=ACTOR, name=name, scopes=ALL_SCOPES, participants=participants
    ).application
    token = generate_client_secret()
    issued = AccessToken(application=made, expires=timezone.now() + timedelta(days=1), scope=" ".join(ALL_SCOPES))
    set_token_value(issued, token)
    issued.save()
    return token
