"""Acts that take data out: exports of contacts and of legal entities. Small ones wait for nobody by default."""

from typing import Any

from django.test import Client

from importexport.models import EXPORT, ExportJob, ExportKind, ExportStatus
from tests.api import Api
from tests.operations.acts import STRICT, World, act, sent, told

AWAITING = "AwaitingApproval"


def started(_world: World) -> int:
    return ExportJob.objects.exclude(status=ExportStatus.AWAITING_APPROVAL).count()


def exported(api: Api, path: str) -> str:
    job: Any = api.post(path).json
    return told(api.get(f"{path}/{job['exportJobId']}"))


@act("POST /v1.0/contacts/export", EXPORT, started, says=AWAITING, waits_in=(STRICT,))
def _export_contacts(_world: World, api: Api) -> str:
    return exported(api, "/v1.0/contacts/export")


@act("POST /v1.0/legal-entities/export", EXPORT, started, says=AWAITING, waits_in=(STRICT,))
def _export_companies(_world: World, api: Api) -> str:
    return exported(api, "/v1.0/legal-entities/export")


@act("importexport_exportjob_start", EXPORT, started, waits_in=(STRICT,))
def _export_in_the_admin(_world: World, browser: Client) -> str:
    return sent(browser, f"/admin/importexport/exportjob/start/{ExportKind.CONTACTS}/", {})
