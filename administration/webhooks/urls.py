from django.urls import path

from administration.webhooks import views

PATH = "v1.0/webhooks/<uuid:webhookId>"

urlpatterns = [
    path("v1.0/webhooks", views.WebhooksView.as_view()),
    path(PATH, views.WebhookView.as_view()),
    path(f"{PATH}/replay", views.ReplayView.as_view()),
    path(f"{PATH}/rotate-secret", views.SecretView.as_view()),
    path(f"{PATH}/test", views.TestView.as_view()),
    path(f"{PATH}/deliveries", views.DeliveriesView.as_view()),
]
