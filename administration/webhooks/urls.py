from django.urls import path

from administration.webhooks import views

WEBHOOK = "v1.0/webhooks/<uuid:webhookId>"

urlpatterns = [
    path("v1.0/webhooks", views.WebhooksView.as_view()),
    path(WEBHOOK, views.WebhookView.as_view()),
    path(f"{WEBHOOK}/replay", views.ReplayView.as_view()),
    path(f"{WEBHOOK}/rotate-secret", views.SecretView.as_view()),
    path(f"{WEBHOOK}/test", views.TestView.as_view()),
    path(f"{WEBHOOK}/deliveries", views.DeliveriesView.as_view()),
]
