"""`manage.py link_entities FILE.csv`, and the services behind it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.actor import member_actor, system_actor
from contactgroups.models import ContactGroup, EntityType, LinkedEntity
from contactgroups.services import change_group
from core.errors import NotFound, UnprocessableEntity
from tests.contactgroups.linking import link_entity

pytestmark = pytest.mark.django_db
TESTS = system_actor("tests")


@pytest.fixture
def family(make_contact, make_group):
    return make_group(make_contact(), external_id="G-1")


@pytest.fixture
def run(tmp_path):
    """Runs the command over a file with this text; returns what it says."""

    def run(text, *options):
        path = tmp_path / "links.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        said = StringIO()
        call_command("link_entities", str(path), *options, stdout=said)
        return said.getvalue().strip()

    return run


def links():
    return {(link.group.external_id, str(link)) for link in LinkedEntity.objects.select_related("group")}


def test_entities_are_linked_by_the_external_id_or_the_id_of_the_group(run, family, make_group):
    other = make_group()
    said = run(f"groupExternalId,groupId,entityType,entityId\nG-1,,Account,7\n,{other.pk},Portfolio,7\n")
    assert said == "Added: 2. There already: 0."
    assert links() == {("G-1", "Account 7"), (None, "Portfolio 7")}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_files_as_spreadsheets_write_them_are_read(run, family, delimiter, encoding):
    text = "groupExternalId,entityType,entityId\r\nG-1,Account,7\r\n".replace(",", delimiter)
    assert run(text.encode(encoding)) == "Added: 1. There already: 0."


def test_running_it_again_changes_nothing(run, family):
    text = "groupExternalId,entityType,entityId\nG-1,Account,7\nG-1,Account,8\nG-1,Account,7\n"
    assert run(text) == "Added: 2. There already: 1."
    before = list(LinkedEntity.objects.values())
    assert run(text) == "Added: 0. There already: 3."
    assert list(LinkedEntity.objects.values()) == before


def test_a_dry_run_links_nothing(run, family):
    said = run("groupExternalId,entityType,entityId\nG-1,Account,7\n", "--dry-run")
    assert said == "Would be added: 1. There already: 0."
    assert not LinkedEntity.objects.exists()


@pytest.mark.parametrize(
    "text",
    [
        b"\xef\xbb\xbfgroupExternalId;entityType;entityId\r\nG-1;Account;7\r\n",
        b'\n"groupExternalId","entityType","entityId"\n\n"G-1", Account , 7 \n,,\n',
        b"entityId;groupExternalId;entityType\n7;G-1;Account",
    ],
    ids=["byte order mark, semicolons and Windows lines", "quotes, blanks and empty lines", "another order"],
)
def test_what_spreadsheets_write_is_read(run, family, text):
    run(text)
    assert links() == {("G-1", "Account 7")}


def test_every_fault_is_told_with_its_line_and_nothing_is_linked(run, family, make_group):
    make_group(external_id="G-2")
    link_entity(family, EntityType.ACCOUNT, 1)
    text = "\n".join(
        [
            "groupExternalId,groupId,entityType,entityId",
            "G-1,,Account,7",
            "G-9,,Account,8",
            f",{2**31},Account,9",
            f"G-1,{family.pk},Account,10",
            ",,Account,11",
            "G-1,,Yacht,0",
            "G-1,,LegalEntity,12",
            "G-1,,Account,1.5",
            f"G-1,,Account,{2**31}",
            "G-2,,Account,7",
            "G-2,,Account,1",
        ]
    )
    with pytest.raises(CommandError) as refused:
        run(text)
    said = str(refused.value).splitlines()
    assert [line.partition(":")[0] for line in said[:-1]] == [
        *(f"line {number}" for number in (3, 4, 5, 6, 7, 7, 8, 9, 10, 11)),
        "line 12",
    ]
    assert "G-9" in said[0]
    assert "line 2" in str(refused.value).lower()
    assert said[-1] == "Nothing was linked."
    assert links() == {("G-1", "Account 1")}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no header"),
        (b"groupExternalId,entityType\n", "Expected: groupExternalId or groupId, entityType, entityId"),
        (b"entityType,entityId\n", "names the group"),
        (b"groupId,entityType,entityId,entityId\n", "Expected"),
        (b"groupId,entityType,entityId,note\n", "Expected"),
        (b"groupId,entityType,entityId\n1,Account\n", "Line 2: 3 values expected, 2 found."),
        (b"groupId,entityType,entityId\n1,Account,1,x\n", "Line 2: 3 values expected, 4 found."),
        (b'groupId,entityType,entityId\n1,"Account"x,1\n', "Line 2"),
        (b"groupId,entityType,entityId\n1,Account,1\n1,Acc\xe4,2\n", "Line 3: the file is not UTF-8."),
        (b"groupId,entityType,entityId\n1,Acc\x00ount,1\n", "Line 2: there is a NUL character."),
        ("groupId,entityType,entityId\n".encode("utf-16")[:-1], "not whole UTF-16"),
    ],
)
def test_what_is_no_file_of_links_is_refused(run, content, reason):
    with pytest.raises(CommandError, match="Nothing was linked") as refused:
        run(content)
    assert reason in str(refused.value)


def test_a_file_that_is_not_there_is_said_so(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("link_entities", str(tmp_path / "none.csv"))


def test_ten_thousand_links_take_few_statements(run, family, count_queries):
    lines = [f"G-1,Account,{number}" for number in range(1, 10_001)]
    with count_queries() as queries:
        run("\n".join(["groupExternalId,entityType,entityId", *lines]))
    assert LinkedEntity.objects.count() == 10_000
    assert len(queries) <= 20


# ---- one by one, as the admin and other apps do


def unlink(link):
    change_group(actor=TESTS, group_id=link.group_id, unlinked=[(link.entity_type, link.entity_id)])


def test_an_entity_belongs_to_one_group(family, make_group):
    link = link_entity(family, EntityType.ACCOUNT, 7)
    assert link_entity(family, EntityType.ACCOUNT, 7) == link
    with pytest.raises(UnprocessableEntity) as refused:
        link_entity(make_group(), EntityType.ACCOUNT, 7)
    assert refused.value.sub_code == "EntityAlreadyLinked"
    unlink(link)
    assert not LinkedEntity.objects.exists()


def test_a_legal_entity_stays_in_its_group(family):
    link = link_entity(family, EntityType.LEGAL_ENTITY, 7)
    with pytest.raises(UnprocessableEntity) as refused:
        unlink(link)
    assert refused.value.sub_code == "LegalEntityStays"


def test_nobody_links_to_a_group_that_it_cannot_see(family, make_member):
    with pytest.raises(NotFound):
        link_entity(family, EntityType.ACCOUNT, 7, actor=member_actor(make_member()))


def test_nothing_is_linked_to_a_group_that_is_gone(family):
    ContactGroup.objects.filter(pk=family.pk).delete()
    with pytest.raises(NotFound):
        link_entity(family, EntityType.ACCOUNT, 7)
