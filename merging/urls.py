from django.urls import path

from merging.views import MergeView, UnmergeView

urlpatterns = [
    path("v1.0/contacts/<int:contactId>/merge", MergeView.as_view()),
    path("v1.0/contacts/<int:contactId>/unmerge", UnmergeView.as_view()),
]
