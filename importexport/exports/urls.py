from django.urls import path

from importexport.exports.views import (
    ContactExportView,
    LegalEntityExportView,
    RequestContactExportView,
    RequestLegalEntityExportView,
)

urlpatterns = [
    path("v1.0/contacts/export", RequestContactExportView.as_view()),
    path("v1.0/contacts/export/<uuid:exportJobId>", ContactExportView.as_view()),
    path("v1.0/legal-entities/export", RequestLegalEntityExportView.as_view()),
    path("v1.0/legal-entities/export/<uuid:exportJobId>", LegalEntityExportView.as_view()),
]
