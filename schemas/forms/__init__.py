"""Schema-driven forms: `DetailsForm`, and `ListChoicesMixin`, which adds the lookup of list items to an admin."""

from schemas.forms.choices import ListChoicesMixin
from schemas.forms.form import DetailsForm

__all__ = ["DetailsForm", "ListChoicesMixin"]
