"""API operations on webhooks, tagged Events."""

from uuid import UUID

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.permissions import APPS, Access
from accounts.views import ActorView
from administration.webhooks import serializers as shapes
from administration.webhooks.services import add_webhook, remove_webhook
from administration.webhooks.sort import WEBHOOK
from changerequests.models import ChangeRequest
from changerequests.serializers import WaitingSerializer, waiting
from core.errors import UnprocessableEntity
from core.paging import PageSerializer, paginate, row_renderer
from events.queries.webhooks import SCOPE, deliveries_of, webhook_of, webhooks_of
from events.services.webhooks import replay, rotate_secret, send_test
from events.views import TAGS


def _named_as_in_body(refusal: UnprocessableEntity) -> UnprocessableEntity:
    """Return the refusal of a configuration with the names of the body: `url` for `webhook.url`."""
    faults = {path.removeprefix(f"{WEBHOOK}."): texts for path, texts in (refusal.properties or {}).items()}
    return UnprocessableEntity(
        _("The webhook cannot be added."), sub_code=refusal.sub_code, properties=faults, headers=refusal.headers
    )


class WebhooksView(ActorView):
    access = {"GET": Access(SCOPE, APPS), "POST": Access(SCOPE, APPS)}

    @extend_schema(operation_id="listWebhooks", tags=TAGS, responses={200: shapes.WebhooksSerializer})
    def get(self, request: Request) -> Response:
        """List the application's webhooks."""
        webhooks = webhooks_of(self.actor).order_by("pk")
        return Response(shapes.WebhooksSerializer({"webhooks": webhooks}).data)

    @extend_schema(
        operation_id="createWebhook",
        tags=TAGS,
        request=shapes.NewWebhookSerializer,
        responses={201: shapes.CreatedWebhookSerializer, 202: WaitingSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add a webhook: have events sent to a URL.

        From then on each event that the application may see is sent by POST as a CloudEvent, signed according to
        Standard Webhooks: at least once, and those of one subject in their order. What is not answered with
        2xx within ten seconds is sent again, for three days. The answer has the secret of the signatures; it is shown
        once. Answers 202 where a policy wants somebody to approve it: rotate the secret then to have one.

        Raises `ValidationFailed` for an address that is not https, or inside a private network.
        """
        body = self.body(shapes.NewWebhookSerializer)
        try:
            webhook = add_webhook(actor=self.actor, application_id=self.actor.application_id or 0, **body)
        except UnprocessableEntity as refusal:
            raise _named_as_in_body(refusal) from refusal
        if isinstance(webhook, ChangeRequest):
            return waiting(webhook)
        secret = rotate_secret(actor=self.actor, webhook_uid=webhook.uid)
        answer = shapes.CreatedWebhookSerializer({"id": webhook.uid, "secret": secret})
        return Response(answer.data, status=status.HTTP_201_CREATED)


class WebhookView(ActorView):
    access = {"DELETE": Access(SCOPE, APPS)}

    @extend_schema(operation_id="deleteWebhook", tags=TAGS, responses={204: None, 202: WaitingSerializer})
    def delete(self, request: Request, webhookId: UUID) -> Response:
        """Remove a webhook: nothing is sent to it any more."""
        outcome = remove_webhook(actor=self.actor, webhook_uid=webhookId)
        if outcome.request is not None:
            return waiting(outcome.request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReplayView(ActorView):
    access = {"POST": Access(SCOPE, APPS)}

    @extend_schema(operation_id="replayWebhook", tags=TAGS, request=shapes.ReplaySerializer, responses={202: None})
    def post(self, request: Request, webhookId: UUID) -> Response:
        """Send everything after a position again.

        Also starts a webhook again that was given up because its receiver failed for three days. Raises
        `UnknownPosition` if the feed does not reach `after`.
        """
        body = self.body(shapes.ReplaySerializer)
        replay(actor=self.actor, webhook_uid=webhookId, after=body["after"])
        return Response(status=status.HTTP_202_ACCEPTED)


class SecretView(ActorView):
    access = {"POST": Access(SCOPE, APPS)}

    @extend_schema(
        operation_id="rotateWebhookSecret", tags=TAGS, request=None, responses={200: shapes.SecretSerializer}
    )
    def post(self, request: Request, webhookId: UUID) -> Response:
        """Give a webhook a new secret.

        Messages are signed with the one before as well, for as long as secrets of applications overlap: a day unless
        the institution chose otherwise. A webhook that was added in the admin sends nothing before this was called.
        """
        self.check_no_body()
        secret = rotate_secret(actor=self.actor, webhook_uid=webhookId)
        return Response(shapes.SecretSerializer({"secret": secret}).data)


class TestView(ActorView):
    access = {"POST": Access(SCOPE, APPS)}

    @extend_schema(operation_id="testWebhook", tags=TAGS, request=None, responses={202: None})
    def post(self, request: Request, webhookId: UUID) -> Response:
        """Have a message of the type `webhook.test` sent; the deliveries say what became of it.

        Raises `TestPending` while the one before waits to be sent; `WebhookInactive` if nothing is sent.
        """
        self.check_no_body()
        send_test(actor=self.actor, webhook_uid=webhookId)
        return Response(status=status.HTTP_202_ACCEPTED)


class DeliveriesView(ActorView):
    access = {"GET": Access(SCOPE, APPS)}
    query_parameters = frozenset({"page", "pageSize"})

    @extend_schema(
        operation_id="listWebhookDeliveries",
        tags=TAGS,
        parameters=[PageSerializer],
        responses={200: shapes.PagedDeliveriesSerializer},
    )
    def get(self, request: Request, webhookId: UUID) -> Response:
        """List what was sent to a webhook, and what has to be sent again; latest first."""
        page = self.query(PageSerializer)
        webhook = webhook_of(actor=self.actor, uid=webhookId)
        return Response(paginate(deliveries_of(webhook), page, render=row_renderer(shapes.DeliverySerializer)))
