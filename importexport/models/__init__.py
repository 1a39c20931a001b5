from importexport.models.export import ExportJob, ExportKind, ExportStatus
from importexport.models.job import ONE_REQUESTER, Job

__all__ = ["ONE_REQUESTER", "ExportJob", "ExportKind", "ExportStatus", "Job"]
