"""Reproducible benchmarks: `make bench`, or `python -m benchmarks [PART ...]`.

Each figure is compared with yardsticks measured in the same run: `stock` is a typical project with Django, REST
framework and popular packages; `floor` does the same work with the bare minimum of Python and PostgreSQL.
"""
