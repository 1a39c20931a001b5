from django.urls import path

from legalentities.views import (
    ContactLegalEntityDetailsView,
    LegalEntitiesV10View,
    LegalEntitiesView,
    LegalEntityDetailsView,
)

DETAILS = "legalentities/<int:legalEntityId>/details"

urlpatterns = [
    path("v1.0/legalentities", LegalEntitiesV10View.as_view()),
    path("v1.1/legalentities", LegalEntitiesView.as_view()),
    path(f"v1.0/{DETAILS}", LegalEntityDetailsView.as_view()),
    path(f"v1.0/contacts/<int:contactId>/{DETAILS}", ContactLegalEntityDetailsView.as_view()),
]
