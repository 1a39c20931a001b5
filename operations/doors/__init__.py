"""Doors: every way in which something is changed, and whether one person can use it without a second one.

`declarations` says what each door changes, `inventory` lists the doors that the code has, and a test holds the two
together: a new operation, admin page, command or task fails it until a line says what it is. `report` puts them beside
the policies.
"""
