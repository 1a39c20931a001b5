"""The yardstick `stock`: a small Django project as a team would write it with the usual companions of Django.

REST framework's ModelViewSet with its TokenAuthentication, the middleware of `startproject`, persistent connections,
jsonschema in the serializer, django-simple-history and django-import-export. Nothing in it is there to be slow.
"""
