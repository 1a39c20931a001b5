"""GraphQL over contacts and legal entities: a read API, and the filter language of exports."""
