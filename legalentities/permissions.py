"""Django permissions of members, the same in the API and in the admin."""

MAY_ADD = "legalentities.add_legalentity"
MAY_CHANGE = "legalentities.change_legalentity"
