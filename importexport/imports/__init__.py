"""Import of contacts and legal entities from uploaded JSON files (docs/import.md)."""
