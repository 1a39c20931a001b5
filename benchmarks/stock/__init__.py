"""The yardstick `stock`: a small Django project with popular packages, as a typical team would write it.

REST framework's ModelViewSet and TokenAuthentication, the middleware of `startproject`, persistent connections,
jsonschema in the serializer, django-simple-history and django-import-export. It is not deliberately slow.
"""
