"""Celery tasks of GraphQL."""

from celery import shared_task

from importexport.graphql.indexes import keep_search_indexes


@shared_task
def update_search_indexes() -> None:
    """Create and drop search indexes to match the schemas. Beat runs it every minute, mostly as a no-op."""
    keep_search_indexes()
