"""Serializers of GraphQL over HTTP."""

from rest_framework import serializers

from core.serializers import ObjectField, StrictCharField, StrictSerializer, optional


class GraphQLSerializer(StrictSerializer):
    query = StrictCharField(help_text="A GraphQL document.")
    variables = optional(ObjectField, help_text="The values of the document's variables by name.")
    operationName = optional(StrictCharField, help_text="Which operation to run when the document has several.")


class GraphQLResponseSerializer(serializers.Serializer):
    data = ObjectField(required=False, allow_null=True, help_text="What was asked for; absent when nothing was run.")
    errors = serializers.ListField(
        child=ObjectField(),
        required=False,
        help_text="`message`, `locations`, `path`, and in `extensions` the `code` and the `correlationId`.",
    )
