from django.urls import path

from changerequests import views

REQUEST = "contacts/<int:contactId>/change-requests/<int:changeRequestId>"
CHECK = "contacts/<int:contactId>/pending-change-request/check"

urlpatterns = [
    path(f"v1.0/{REQUEST}", views.ChangeRequestV10View.as_view()),
    path(f"v1.1/{REQUEST}", views.ChangeRequestView.as_view()),
    path("v1.0/contacts/change-requests/statuses", views.StatusesView.as_view()),
    path(f"v1.0/{CHECK}", views.PendingCheckV10View.as_view()),
    path(f"v1.1/{CHECK}", views.PendingCheckView.as_view()),
    path("v1.0/members/<int:memberId>/contacts/change-requests/search", views.MemberSearchView.as_view()),
    path("v1.0/contacts/change-requests/search", views.SearchView.as_view()),
    path(f"v1.0/{REQUEST}/cancel", views.CancelView.as_view()),
    path(f"v1.0/{REQUEST}/review", views.ReviewView.as_view()),
]
