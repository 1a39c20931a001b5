"""GraphQL over contacts and legal entities: a read API, and the language in which an export says what it holds."""
