"""Database triggers keep members a tree, against raw SQL and concurrent changes."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.test import Client

from accounts.actor import member_actor
from accounts.models import Member, User
from changerequests.models import ChangeRequest, Status, Verdict
from changerequests.services.deciding import decide
from core.errors import ApiError
from tests.api import Answer
from tests.concurrency import at_once
from tests.faults.installation import wait_until
from tests.fixtures import without_triggers

PUT_BELOW = "UPDATE accounts_member SET manager_id = %s WHERE id = %s"
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
MakeMember = Callable[..., Member]


def run(sql: str, *values: Any) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def refused(sql: str, *values: Any, match: str = "stands above its manager") -> None:
    with pytest.raises(DatabaseError, match=match):
        run(sql, *values)


def managers() -> dict[int, int | None]:
    return dict(Member.objects.values_list("pk", "manager"))


@contextmanager
def own_connection():
    """A separate connection on which nothing is committed unless the test commits."""
    parameters = connection.get_connection_params()
    wanted = {name: parameters[name] for name in ("host", "user", "dbname") if parameters.get(name)}
    with psycopg.connect(**wanted) as own:
        yield own
        own.rollback()


class TestBySql:
    pytestmark = pytest.mark.django_db

    @pytest.fixture
    def chain(self, make_member: MakeMember) -> list[Member]:
        """Each is the manager of the next."""
        made: list[Member] = []
        for _ in range(4):
            made.append(make_member(manager=made[-1] if made else None))
        return made

    @pytest.mark.parametrize("below", [1, 2, 3])
    def test_nobody_is_put_below_those_below(self, chain: list[Member], below: int) -> None:
        before = managers()
        refused(PUT_BELOW, chain[below].pk, chain[0].pk)
        assert managers() == before

    def test_nobody_is_its_own_manager(self, chain: list[Member]) -> None:
        refused(PUT_BELOW, chain[0].pk, chain[0].pk, match="member_is_not_its_own_manager")

    def test_one_statement_for_many_makes_no_circle_either(self, chain: list[Member]) -> None:
        first, second = chain[0], chain[1]
        swap = "UPDATE accounts_member SET manager_id = CASE id WHEN %s THEN %s ELSE %s END WHERE id IN (%s, %s)"
        refused(swap, first.pk, second.pk, first.pk, first.pk, second.pk)

    def test_two_that_are_inserted_are_not_above_each_other(self) -> None:
        users = [User.objects.create_user(name) for name in ("one", "other")]
        insert = (
            "INSERT INTO accounts_member (id, uid, user_id, manager_id, sees_all_contacts) "
            "VALUES (900001, gen_random_uuid(), %s, 900002, false), (900002, gen_random_uuid(), %s, 900001, false)"
        )
        refused(insert, *(user.pk for user in users))

    def test_branches_move_and_a_tree_can_be_turned_over_step_by_step(self, chain: list[Member]) -> None:
        first, second, third, _ = chain
        run(PUT_BELOW, None, third.pk)
        run(PUT_BELOW, third.pk, first.pk)
        run(PUT_BELOW, first.pk, second.pk)
        refused(PUT_BELOW, second.pk, third.pk)

    def test_what_does_not_change_the_manager_is_not_looked_at(self, chain: list[Member]) -> None:
        run("UPDATE accounts_member SET sees_all_contacts = true")
        assert Member.objects.filter(sees_all_contacts=True).count() == len(chain)

    def test_a_circle_of_before_is_named_when_one_upgrades(self, chain: list[Member]) -> None:
        migration = import_module("accounts.migrations.0005_members_are_a_tree")
        with connection.schema_editor(atomic=False) as editor:
            migration.refuse_circles(apps, editor)
            with without_triggers():
                run(PUT_BELOW, chain[2].pk, chain[1].pk)
            with pytest.raises(IntegrityError, match=f"with the ids {chain[1].pk}, {chain[2].pk}. Look"):
                migration.refuse_circles(apps, editor)


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    @pytest.fixture
    def anna(self, make_member: MakeMember) -> Member:
        return make_member("anna")

    @pytest.fixture
    def ben(self, make_member: MakeMember) -> Member:
        return make_member("ben")

    @pytest.mark.parametrize("attempt", range(3))
    def test_of_two_that_put_each_below_the_other_one_is_refused(self, anna: Member, ben: Member, attempt: int) -> None:
        def put(above: Member, below: Member) -> Answer:
            try:
                run(PUT_BELOW, above.pk, below.pk)
            except IntegrityError as refusal:
                return Answer(422, {"message": str(refusal)}, {})
            return Answer(204, None, {})

        answers = at_once(lambda: put(anna, ben), lambda: put(ben, anna))
        assert sorted(answer.status for answer in answers) == [204, 422]
        assert sorted(managers().values(), key=str) in ([anna.pk, None], [ben.pk, None])

    def test_who_comes_second_waits_for_the_first_to_commit(self, anna: Member, ben: Member) -> None:
        with own_connection() as first, own_connection() as second, ThreadPoolExecutor(1) as pool:
            first.execute(PUT_BELOW, [anna.pk, ben.pk])
            later = pool.submit(second.execute, PUT_BELOW, [ben.pk, anna.pk])
            wait_until(somebody_waits, "the second does not wait", seconds=20)
            first.commit()
            with pytest.raises(psycopg.errors.CheckViolation, match="stands above its manager"):
                later.result()
        assert managers() == {anna.pk: None, ben.pk: anna.pk}

    def test_a_snapshot_of_before_cannot_hide_what_was_committed(self, anna: Member, ben: Member) -> None:
        for level in (psycopg.IsolationLevel.REPEATABLE_READ, psycopg.IsolationLevel.SERIALIZABLE):
            with own_connection() as other:
                other.isolation_level = level
                with pytest.raises(psycopg.errors.InvalidTransactionState, match="READ COMMITTED"):
                    other.execute(PUT_BELOW, [anna.pk, ben.pk])
        assert set(managers().values()) == {None}

    def test_an_approval_is_refused_when_somebody_was_faster(
        self, anna: Member, ben: Member, make_member: MakeMember, admin_of: Callable[..., Client]
    ) -> None:
        root, carl = make_member(is_superuser=True), make_member(is_superuser=True)
        counts = ("TOTAL_FORMS", "INITIAL_FORMS", "MIN_NUM_FORMS", "MAX_NUM_FORMS")
        form = {f"{prefix}-{count}": "0" for prefix in ("assignments", "assignments-2") for count in counts}
        admin_of(root).post(f"/admin/accounts/member/{anna.pk}/change/", {"manager": ben.pk, **form})
        request = ChangeRequest.objects.get()

        def approve() -> Any:
            try:
                return decide(actor=member_actor(carl), change_request_id=request.pk, verdict=Verdict.APPROVE)
            except ApiError as refusal:
                return refusal.sub_code
            finally:
                connection.close()

        with own_connection() as faster, ThreadPoolExecutor(1) as pool:
            faster.execute(PUT_BELOW, [anna.pk, ben.pk])
            answer = pool.submit(approve)
            wait_until(somebody_waits, "the approval does not wait", seconds=20)
            faster.commit()
            assert answer.result() == "ManagerBelowMember"
        request.refresh_from_db()
        assert (request.status, managers()[anna.pk]) == (Status.PENDING, None)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(WAITING)
        (waiting,) = cursor.fetchone()
    return bool(waiting)
