"""What a trial starts with: people, clients and work in progress, all of them made up.

`accounts` says who there is, `vocabulary` and `details` make the clients up, `stories` what happens to them;
`people`, `contacts` and `requests` write that into the database, and `loading` puts it all together.
"""
