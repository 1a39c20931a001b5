"""`manage.py doctor`: examines an installation part by part, and says what to do about what it finds."""

from config.operations.doctor.examination import EXAMINATIONS, examine
from config.operations.doctor.findings import Finding, Grade

__all__ = ["EXAMINATIONS", "Finding", "Grade", "examine"]
