"""The yardstick `floor`: what the same work costs when there is nothing but Python, psycopg and PostgreSQL.

No token, no actor, no visibility, no routes, no log, no errors that anybody could read: nobody would run it.
"""
