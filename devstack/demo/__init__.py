"""What a trial starts with: people, clients and work in progress, all of them made up.

`accounts` says who there is, `vocabulary` and `details` make the clients up, `stories` what happens to them, `sharing`
who belongs together; `people`, `contacts`, `requests` and `sharing` write that into the database, and `loading` puts it
all together.
"""
