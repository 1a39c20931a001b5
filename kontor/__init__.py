"""What `pip install kontor` gives: the command `kontor`, and under `app` the apps, which it puts on the path."""
