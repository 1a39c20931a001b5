"""The queue and the searches of requests of several kinds, at many rows: `python -m benchmarks.queue`."""
