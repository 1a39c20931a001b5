from django.urls import path, re_path

from administration.scim.discovery import (
    NothingView,
    NotOfferedView,
    ResourceTypesView,
    SchemasView,
    ServiceProviderConfigView,
)
from administration.scim.views import GroupsView, GroupView, UsersView, UserView

urlpatterns = [
    path("scim/v2/Users", UsersView.as_view()),
    path("scim/v2/Users/<int:pk>", UserView.as_view()),
    path("scim/v2/Groups", GroupsView.as_view()),
    path("scim/v2/Groups/<int:pk>", GroupView.as_view()),
    path("scim/v2/ServiceProviderConfig", ServiceProviderConfigView.as_view()),
    path("scim/v2/ResourceTypes", ResourceTypesView.as_view()),
    path("scim/v2/ResourceTypes/<str:key>", ResourceTypesView.as_view()),
    path("scim/v2/Schemas", SchemasView.as_view()),
    path("scim/v2/Schemas/<str:key>", SchemasView.as_view()),
    path("scim/v2/.search", NotOfferedView.as_view()),
    path("scim/v2/Bulk", NotOfferedView.as_view()),
    re_path(r"^scim/v2/(?P<path>.*)$", NothingView.as_view()),
]
