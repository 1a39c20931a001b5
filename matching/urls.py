from django.urls import path

from matching.views import DuplicatesSearchView

urlpatterns = [path("v1.0/contacts/duplicates/search", DuplicatesSearchView.as_view())]
