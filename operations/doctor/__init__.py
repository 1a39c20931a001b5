"""`manage.py doctor`: examines an installation part by part, and says what to do about what it finds."""

from operations.doctor.examination import EXAMINATIONS, examine
from operations.doctor.findings import Finding, Grade

__all__ = ["EXAMINATIONS", "Finding", "Grade", "examine"]
