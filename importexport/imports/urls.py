from django.urls import path

from importexport.imports.views import (
    ContactsSyncView,
    ContactsUploadView,
    LegalEntitiesSyncView,
    LegalEntitiesUploadView,
    SyncDuplicatesView,
    SyncStatusView,
)

urlpatterns = [
    path("v1.0/contacts/import", ContactsUploadView.as_view()),
    path("v1.0/contacts/import/sync", ContactsSyncView.as_view()),
    path("v1.0/legal-entities/import", LegalEntitiesUploadView.as_view()),
    path("v1.0/legal-entities/import/sync", LegalEntitiesSyncView.as_view()),
    path("v1.0/import/sync/<uuid:statusId>/status", SyncStatusView.as_view()),
    path("v1.0/import/sync/<uuid:statusId>/duplicates", SyncDuplicatesView.as_view()),
]
