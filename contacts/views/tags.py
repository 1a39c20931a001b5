"""What the operations on contacts have in common."""

READ, WRITE = "contacts.read", "contacts.write"
TAGS = ["ContactManagement"]
