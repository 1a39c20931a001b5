"""Contacts in the admin. Details change in the one way of their services, and never by Django's own form."""

from contacts.admin.contact import ContactAdmin

__all__ = ["ContactAdmin"]
