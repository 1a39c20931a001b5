"""Contacts from entries: a batch is looked up, checked and written by set, never row by row."""
