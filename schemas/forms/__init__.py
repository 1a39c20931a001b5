"""Forms that follow a schema: `DetailsForm`, and `ListChoicesMixin`, which gives an admin the look-up of list items."""

from schemas.forms.choices import ListChoicesMixin
from schemas.forms.form import DetailsForm

__all__ = ["DetailsForm", "ListChoicesMixin"]
