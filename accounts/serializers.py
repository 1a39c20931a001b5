"""References to people in the API."""

from rest_framework import serializers


class MemberRefSerializer(serializers.Serializer):
    uId = serializers.UUIDField(source="uid")
    name = serializers.CharField()


class MemberRefV10Serializer(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
