"""Pages are in the institution's time zone and name it; the API is in UTC."""

import pytest
from django.utils import timezone

pytestmark = pytest.mark.django_db


def test_a_page_shows_times_in_the_zone_of_the_institution_and_names_it_once(
    settings, make_contact, make_member, admin_of
):
    member = make_member("anna", permissions=["view_contact"])
    contact = make_contact(members=[member])
    type(contact).objects.filter(pk=contact.pk).update(created_at="2026-07-01T22:30:00Z")
    page = admin_of(member).get(f"/admin/contacts/contact/{contact.pk}/change/").content.decode()
    assert "2 July 2026, 00:30" in page
    assert page.count("Times are those of Europe/Zurich.") == 1
    settings.TIME_ZONE = "America/New_York"
    page = admin_of(member).get(f"/admin/contacts/contact/{contact.pk}/change/").content.decode()
    assert "1 July 2026, 18:30" in page
    assert "Times are those of America/New_York." in page


def test_the_api_answers_in_utc_whatever_the_zone(app, make_contact):
    contact = make_contact()
    assert timezone.get_current_timezone_name() == "Europe/Zurich"
    assert app.get(f"/v1.0/contacts/{contact.pk}").json["changeDate"].endswith("Z")
