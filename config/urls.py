"""The root URLconf."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from accounts.logins import admin_login
from accounts.passwords import ChangePasswordView
from accounts.sso.views import KontorLogoutView
from changerequests.admin import notifications
from core.openapi_document import OpenApiView
from operations import dashboard, finder

urlpatterns = [
    # Django tries these in order, so the most frequent come first.
    path("", include("contacts.urls")),
    path("", include("changerequests.urls")),
    path("", include("contactgroups.urls")),
    path("", include("schemas.urls")),
    path("", include("legalentities.urls")),
    path("", include("matching.urls")),
    path("", include("merging.urls")),
    path("", include("importexport.urls")),
    path("", include("events.urls")),
    path("", include("accounts.urls")),
    path("", include("administration.urls")),
    path("", include("administration.scim.urls")),
    path("", include("administration.webhooks.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/login/", admin_login),
    path("admin/password_change/", ChangePasswordView.as_view()),
    path("admin/logout/", KontorLogoutView.as_view()),
    path("admin/jobs/", admin.site.admin_view(dashboard.jobs), name="dashboard-jobs"),
    path("admin/find/", admin.site.admin_view(finder.find), name="finder"),
    path("admin/notifications/", admin.site.admin_view(notifications.notifications), name="notifications"),
    path("admin/notifications/read/", admin.site.admin_view(notifications.read), name="notifications-read"),
    path("admin/notifications/digest/", admin.site.admin_view(notifications.digest), name="notifications-digest"),
    path("admin/", admin.site.urls),
    path("language/", include("django.conf.urls.i18n")),
    path("openapi.json", OpenApiView.as_view(), name="openapi"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="docs"),
]

handler400 = "core.exception_handlers.bad_request"
handler403 = "core.exception_handlers.permission_denied"
handler404 = "core.exception_handlers.not_found"
handler500 = "core.exception_handlers.server_error"
