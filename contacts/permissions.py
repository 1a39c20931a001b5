"""Django permissions of members, the same in the API and in the admin."""

MAY_VIEW = "contacts.view_contact"
MAY_ADD = "contacts.add_contact"
MAY_CHANGE = "contacts.change_contact"
MAY_CHANGE_DETAILS = "contacts.change_contact_details"
MAY_ANONYMIZE = "contacts.anonymize_contact"
MAY_MERGE = "contacts.merge_contact"
