"""The kinds of change requests about legal entities."""
