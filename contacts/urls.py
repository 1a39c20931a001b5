from django.urls import path

from contacts import views

urlpatterns = [
    path("v1.0/contacts", views.ContactsView.as_view()),
    path("v1.0/contacts/<int:contactId>/details", views.ContactDetailsView.as_view()),
    path(
        "v1.0/contacts/<int:contactId>/details/change-history/search",
        views.HistorySearchV10View.as_view(),
    ),
    path("v1.1/contacts/<int:contactId>/details/change-history/search", views.HistorySearchView.as_view()),
    path("v1.0/contacts/<int:contactId>/username", views.UsernameView.as_view()),
    path("v1.0/contacts/<int:contactId>/external-connections", views.ExternalConnectionsView.as_view()),
    path("v1.0/contacts/external-connections/<str:system>/<path:externalId>", views.ConnectionHolderView.as_view()),
]
