from importexport.models.approval import EXPORT, ExportApproval
from importexport.models.export import ExportJob, ExportKind, ExportStatus
from importexport.models.importing import (
    FILE_UNAVAILABLE,
    DuplicateMode,
    ImportFailure,
    ImportFile,
    ImportJob,
    ImportKey,
    ImportKind,
    ImportStatus,
    SupersededEntry,
    WaitingEntry,
)
from importexport.models.job import ONE_REQUESTER, Job

__all__ = [
    "EXPORT",
    "FILE_UNAVAILABLE",
    "ONE_REQUESTER",
    "DuplicateMode",
    "ExportApproval",
    "ExportJob",
    "ExportKind",
    "ExportStatus",
    "ImportFailure",
    "ImportFile",
    "ImportJob",
    "ImportKey",
    "ImportKind",
    "ImportStatus",
    "Job",
    "SupersededEntry",
    "WaitingEntry",
]
