"""Scopes and tag of the operations on contacts."""

READ, WRITE = "contacts.read", "contacts.write"
TAGS = ["ContactManagement"]
