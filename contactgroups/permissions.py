"""Django permissions of members, the same in the API and in the admin."""

MAY_ADD, MAY_CHANGE, MAY_DELETE, MAY_VIEW = (
    f"contactgroups.{right}_contactgroup" for right in ("add", "change", "delete", "view")
)
