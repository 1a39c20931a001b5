"""The background work of GraphQL."""

from celery import shared_task

from importexport.graphql.indexes import keep_search_indexes


@shared_task
def update_search_indexes() -> None:
    """Make the search indexes what the schemas ask for; beat runs it every minute, mostly for nothing."""
    keep_search_indexes()
