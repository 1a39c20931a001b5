"""The pages of a contact on which it is merged with another one, and separated again."""

from merging.admin.merging import MERGE_PAGE
from merging.admin.separating import UNMERGE_PAGE

__all__ = ["MERGE_PAGE", "UNMERGE_PAGE"]
