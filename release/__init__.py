"""Builds what is published, and checks it. Imports nothing of the apps."""
