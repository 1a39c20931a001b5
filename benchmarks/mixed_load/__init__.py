"""Two web processes and two workers on one machine under a mixed load: `python -m benchmarks.mixed_load`."""
