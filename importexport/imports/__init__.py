"""JSON files that are uploaded, checked and taken over: contacts and legal entities (docs/import.md)."""
