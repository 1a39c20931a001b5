"""Logins of the demo. The passwords are public: use them for trials only."""

from dataclasses import dataclass

from administration.roles import RELATIONSHIP_MANAGER, REVIEWER, ROLES

DEMO_CLIENT_ID = "demo"
DEMO_CLIENT_SECRET = "demo-secret-for-trials-only"  # noqa: S105 - public on purpose

ZURICH, GENEVA = "Zurich", "Geneva"
PARTICIPANTS = (ZURICH, GENEVA)

COMPLIANCE = "Compliance"
GROUPS: dict[str, tuple[str, ...]] = {
    **{role.name: tuple(sorted(role.permissions)) for role in ROLES},
    COMPLIANCE: (
        *sorted(REVIEWER.permissions),
        "importexport.view_exportjob",
        "importexport.add_exportjob",
        "accounts.view_user",
        "accounts.view_clientapplication",
        "auth.view_group",
        "changerequests.change_policies",
    ),
}


@dataclass(frozen=True, kw_only=True)
class DemoAccount:
    username: str
    first_name: str
    last_name: str
    may: str
    participants: tuple[str, ...] = PARTICIPANTS
    groups: tuple[str, ...] = ()
    manager: str | None = None
    sees_all_contacts: bool = False
    is_superuser: bool = False

    @property
    def password(self) -> str:
        return f"kontor-demo-{self.username}"


# Managers come before their reports, which refer to them.
DEMO_ACCOUNTS = (
    DemoAccount(
        username="admin",
        first_name="Ada",
        last_name="Amstutz",
        may="everything, but not review a change of its own",
        sees_all_contacts=True,
        is_superuser=True,
    ),
    DemoAccount(
        username="head",
        first_name="Hélène",
        last_name="Favre",
        may="change and review: her clients, anna's and ben's",
        groups=(RELATIONSHIP_MANAGER.name, REVIEWER.name),
    ),
    DemoAccount(
        username="anna",
        first_name="Anna",
        last_name="Zürcher",
        may="change her clients, those of Zurich",
        participants=(ZURICH,),
        groups=(RELATIONSHIP_MANAGER.name,),
        manager="head",
    ),
    DemoAccount(
        username="ben",
        first_name="Ben",
        last_name="Rochat",
        may="change his clients, those of Geneva",
        participants=(GENEVA,),
        groups=(RELATIONSHIP_MANAGER.name,),
        manager="head",
    ),
    DemoAccount(
        username="rita",
        first_name="Rita",
        last_name="Bernasconi",
        may="review the changes of all clients",
        groups=(REVIEWER.name,),
        sees_all_contacts=True,
    ),
    DemoAccount(
        username="carl",
        first_name="Carl",
        last_name="Ineichen",
        may="review tax residencies last, and rights; ask for other policies",
        groups=(COMPLIANCE,),
        sees_all_contacts=True,
    ),
)

_BY_NAME = {account.username: account for account in DEMO_ACCOUNTS}


def caretakers(number: int) -> tuple[DemoAccount, ...]:
    """Return the caretakers of a client: anna and ben in turn, sometimes both, sometimes their head."""
    if number % 20 == 0:
        return (_BY_NAME["head"],)
    if number % 20 == 10:
        return _BY_NAME["anna"], _BY_NAME["ben"]
    return (_BY_NAME["anna" if number % 2 else "ben"],)


def offices(number: int) -> tuple[str, ...]:
    """Return the participants of a client, which are those of its caretakers."""
    return tuple(dict.fromkeys(name for account in caretakers(number) for name in account.participants))


def credentials() -> str:
    """Return the accounts and the client application, formatted for a terminal."""
    rows = [("username", "password", "may"), *((one.username, one.password, one.may) for one in DEMO_ACCOUNTS)]
    lines = [f"{username:<11} {password:<19} {may}" for username, password, may in rows]
    return "\n".join(
        [
            "Demo accounts (the passwords are as they were set first):",
            "",
            *(f"  {line}" for line in lines),
            "",
            "Demo client application (client credentials, all scopes, sees all contacts):",
            "",
            f"  client_id     {DEMO_CLIENT_ID}",
            f"  client_secret {DEMO_CLIENT_SECRET}",
        ]
    )
