"""Schemas and lists in the admin, to look at: they change through their services alone."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from schemas.models import List, ListItem, Schema, SchemaVersion


class ReadOnlyAdmin(ModelAdmin):
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Schema)
class SchemaAdmin(ReadOnlyAdmin):
    list_display = ["key", "current_version"]
    list_select_related = ["current_version"]


@admin.register(SchemaVersion)
class SchemaVersionAdmin(ReadOnlyAdmin):
    list_display = ["schema", "number", "created_at", "published_by_name"]
    list_filter = ["schema"]
    list_select_related = ["schema"]


@admin.register(List)
class ListAdmin(ReadOnlyAdmin):
    list_display = ["key", "__str__", "parent"]
    list_select_related = ["parent"]


@admin.register(ListItem)
class ListItemAdmin(ReadOnlyAdmin):
    list_display = ["key", "__str__", "list", "parent"]
    list_filter = ["list"]
    list_select_related = ["list", "parent"]
    search_fields = ["key", "names"]
