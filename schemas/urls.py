from django.urls import path

from schemas import views

urlpatterns = [
    path("v1.0/schemas/<slug:key>", views.SchemaView.as_view(), name="schema"),
    path("v1.0/schemas/<slug:key>/json-schema", views.JsonSchemaView.as_view(), name="json-schema"),
    path("v1.0/schemas/<slug:key>/layout", views.LayoutView.as_view(), name="schema-layout"),
    path("v1.0/schemas/<slug:key>/fields", views.FieldsView.as_view(), name="schema-fields"),
    path("v1.0/lists/<slug:listKey>/search", views.ListSearchView.as_view(), name="list-search"),
    path("v1.0/lists/search", views.ListsSearchView.as_view(), name="lists-search"),
]
