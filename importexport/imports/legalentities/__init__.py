"""Legal entities from entries: like contacts, a batch at a time and by set."""
