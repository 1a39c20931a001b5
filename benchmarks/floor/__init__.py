"""The yardstick `floor`: the cost of the same work with only Python, psycopg and PostgreSQL.

It has no authentication, permissions, routing, logging or error messages, so it is not a realistic service.
"""
