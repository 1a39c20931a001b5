from django.urls import path

from contacts.views import change_requests
from contacts.views.channels import DiscontinueView, ResendView, VerifyView
from contacts.views.contact_details import ContactDetailsView
from contacts.views.contacts import (
    AnonymizeView,
    ConnectionHolderView,
    ContactsView,
    ContactView,
    ExternalConnectionsView,
    UsernameView,
)
from contacts.views.history import HistorySearchV10View, HistorySearchView
from contacts.views.pictures import ProfilePictureView
from contacts.views.searching import ContactSearchView

HISTORY = "contacts/<int:contactId>/details/change-history/search"
REQUEST = "contacts/<int:contactId>/change-requests/<int:changeRequestId>"
PENDING_CHECK = "contacts/<int:contactId>/pending-change-request/check"
VERIFICATION = "v1.0/contacts/<int:contactId>/communication-verification"

urlpatterns = [
    path("v1.0/contacts", ContactsView.as_view()),
    path("v1.0/contacts/search", ContactSearchView.as_view()),
    path("v1.0/contacts/anonymize", AnonymizeView.as_view()),
    path("v1.0/contacts/<int:contactId>/details", ContactDetailsView.as_view()),
    path("v1.0/contacts/<int:contactId>", ContactView.as_view()),
    path(f"v1.0/{HISTORY}", HistorySearchV10View.as_view()),
    path(f"v1.1/{HISTORY}", HistorySearchView.as_view()),
    path("v1.0/contacts/<int:contactId>/username", UsernameView.as_view()),
    path("v1.0/contacts/<int:contactId>/external-connections", ExternalConnectionsView.as_view()),
    path("v1.0/contacts/external-connections/<str:system>/<path:externalId>", ConnectionHolderView.as_view()),
    path("v1.0/contacts/<int:contactId>/profile-picture", ProfilePictureView.as_view()),
    path(f"{VERIFICATION}/verify", VerifyView.as_view()),
    path(f"{VERIFICATION}/resend", ResendView.as_view()),
    path(f"{VERIFICATION}/discontinue", DiscontinueView.as_view()),
    path(f"v1.0/{REQUEST}", change_requests.ChangeRequestV10View.as_view()),
    path(f"v1.1/{REQUEST}", change_requests.ChangeRequestView.as_view()),
    path("v1.0/contacts/change-requests/statuses", change_requests.StatusesView.as_view()),
    path(f"v1.0/{PENDING_CHECK}", change_requests.PendingCheckV10View.as_view()),
    path(f"v1.1/{PENDING_CHECK}", change_requests.PendingCheckView.as_view()),
    path("v1.0/members/<int:memberId>/contacts/change-requests/search", change_requests.MemberSearchView.as_view()),
    path("v1.0/contacts/change-requests/search", change_requests.SearchView.as_view()),
    path(f"v1.0/{REQUEST}/cancel", change_requests.CancelView.as_view()),
    path(f"v1.0/{REQUEST}/review", change_requests.ReviewView.as_view()),
    path(f"v1.0/{REQUEST}/return", change_requests.ReturnView.as_view()),
]
