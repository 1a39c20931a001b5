from django.urls import path

from contactgroups import views

GROUP = "v1.0/contact-groups/<int:contactGroupId>"
CONTACT = "v1.0/contact-groups/contacts/<int:contactId>"
IDENTITY = "v1.0/contact-groups/identities/<str:identityId>"
ENTITY = "<str:entityType>/<int:entityId>"

urlpatterns = [
    path("v2.0/contacts/<int:contactId>/contactgroups", views.GroupsOfContactView.as_view()),
    path("v1.0/contactgroups/<int:contactGroupId>", views.ContactGroupView.as_view()),
    path("v1.0/contact-groups/search", views.GroupSearchView.as_view()),
    path(f"{GROUP}/contacts/<int:contactId>/access", views.ContactGroupAccessView.as_view()),
    path(f"{GROUP}/identities/<str:identityId>/access", views.IdentityGroupAccessView.as_view()),
    path(f"{CONTACT}/{ENTITY}/access", views.ContactEntityAccessView.as_view()),
    path(f"{IDENTITY}/{ENTITY}/access", views.IdentityEntityAccessView.as_view()),
]
