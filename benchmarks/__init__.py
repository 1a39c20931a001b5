"""Measurements that anybody can repeat: `make bench`, or `python -m benchmarks [PART ...]`.

Each figure is compared, in the same run, with what the benchmark brings along: `stock` is what a team gets from Django,
REST framework and their usual companions; `floor` is the least that Python and PostgreSQL can do the same work with.
"""
