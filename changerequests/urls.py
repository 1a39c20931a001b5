from django.urls import path

from changerequests import views

REQUEST = "v1.0/change-requests/<int:changeRequestId>"

urlpatterns = [
    path("v1.0/change-requests/search", views.SearchView.as_view()),
    path(REQUEST, views.ChangeRequestView.as_view()),
    path(f"{REQUEST}/entries", views.EntriesView.as_view()),
    path(f"{REQUEST}/review", views.ReviewView.as_view()),
    path(f"{REQUEST}/return", views.ReturnView.as_view()),
    path(f"{REQUEST}/cancel", views.CancelView.as_view()),
    path(f"{REQUEST}/claim", views.ClaimView.as_view()),
    path(f"{REQUEST}/comments", views.CommentsView.as_view()),
    path(f"{REQUEST}/attachments", views.AttachmentsView.as_view()),
]
