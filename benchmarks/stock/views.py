from rest_framework.viewsets import ModelViewSet

from benchmarks.stock.models import Contact
from benchmarks.stock.serializers import ContactSerializer


class ContactViewSet(ModelViewSet):
    queryset = Contact.objects.all()
    serializer_class = ContactSerializer
