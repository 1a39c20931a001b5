"""`manage.py doctor`: examines each part of an installation and suggests remedies."""

from operations.doctor.examination import EXAMINATIONS, examine
from operations.doctor.findings import Finding, Grade

__all__ = ["EXAMINATIONS", "Finding", "Grade", "examine"]
