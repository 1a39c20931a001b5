from django.urls import path

from events import views

urlpatterns = [
    path("v1.0/events", views.EventsView.as_view()),
]
