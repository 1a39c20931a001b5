from django.urls import path
from rest_framework.routers import DefaultRouter

from benchmarks.stock.plain import details
from benchmarks.stock.views import ContactViewSet

router = DefaultRouter()
router.register("contacts", ContactViewSet)

urlpatterns = [*router.urls, path("plain/contacts/<int:contact_id>", details)]
