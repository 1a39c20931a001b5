"""The serializer of contacts, which validates the details against the schema."""

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
from rest_framework import serializers

from benchmarks.stock.models import Contact

SCHEMA = json.loads(Path(os.environ["BENCHMARK_SCHEMA"]).read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def merged(document: Any, patch: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(document) if isinstance(document, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class ContactSerializer(serializers.ModelSerializer):
    class Meta:
        model = Contact
        fields = ["id", "username", "details"]

    def validate_details(self, value: Any) -> Any:
        details = merged(self.instance.details, value) if self.partial and self.instance else value
        faults = [error.message for error in VALIDATOR.iter_errors(details)]
        if faults:
            raise serializers.ValidationError(faults)
        return details
