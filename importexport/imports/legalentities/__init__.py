"""Import of legal entities: set-based, in batches, like contacts."""
