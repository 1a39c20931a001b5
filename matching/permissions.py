"""Permissions of duplicates, by name."""

MAY_VIEW = "matching.view_pair"
# To say that two contacts are different people, and to take it back.
MAY_DISTINGUISH = "matching.change_pair"
# To have all contacts compared.
MAY_SEARCH = "matching.add_pair"
