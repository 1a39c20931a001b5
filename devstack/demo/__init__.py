"""Fictional demo data: people, clients and work in progress.

`accounts`, `vocabulary`, `clients`, `stories` and `sharing` define the data; `people`, `policies`, `contacts`,
`requests` and `sharing` write it to the database; `loading` runs them in order.
"""
