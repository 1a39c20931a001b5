"""Usernames and external connections."""

import pytest

from contacts.models import ExternalConnection, ExternalSystem

pytestmark = pytest.mark.django_db


def username_path(contact):
    return f"/v1.0/contacts/{contact.pk}/username"


def connections_path(contact):
    return f"/v1.0/contacts/{contact.pk}/external-connections"


class TestUsername:
    def test_it_is_read_and_changed(self, make_contact, app):
        contact = make_contact(username="johanna")
        assert app.get(username_path(contact)).json == {"username": "johanna"}
        assert app.put(username_path(contact), {"username": "heidi"}).status == 204
        assert app.get(username_path(contact)).json == {"username": "heidi"}

    def test_it_is_unique_whatever_its_case(self, make_contact, app):
        make_contact(username="heidi")
        answer = app.put(username_path(make_contact()), {"username": "HEIDI"})
        assert (answer.status, answer.sub_code) == (422, "UsernameNotUnique")

    def test_its_case_may_change(self, make_contact, app):
        contact = make_contact(username="heidi")
        assert app.put(username_path(contact), {"username": "Heidi"}).status == 204

    def test_it_cannot_be_taken_away(self, make_contact, app):
        assert app.put(username_path(make_contact()), {"username": None}).sub_code == "UsernameRequired"

    def test_it_follows_the_email_where_it_is_coupled(self, make_contact, app, settings):
        contact = make_contact()
        settings.USERNAME_FROM_EMAIL = True
        assert app.put(username_path(contact), {"username": "heidi"}).sub_code == "UsernameCoupledWithEmail"

    def test_it_is_kept_elsewhere_with_an_external_identity_provider(self, make_contact, app, settings):
        contact = make_contact()
        settings.EXTERNAL_IDENTITY_PROVIDER = True
        assert app.put(username_path(contact), {"username": "heidi"}).sub_code == "UsernameManagedExternally"

    def test_of_an_invisible_contact_it_is_not_found(self, make_contact, make_member, api_of):
        stranger = api_of(make_member())
        assert stranger.get(username_path(make_contact())).status == 404
        assert stranger.put(username_path(make_contact()), {"username": "x"}).status == 404


class TestExternalConnections:
    def test_they_are_recorded_listed_and_found(self, make_contact, app):
        contact = make_contact()
        assert app.post(connections_path(contact), {"externalId": "C 1/ä", "system": "CRM"}).status == 204
        assert app.post(connections_path(contact), {"externalId": "D-1"}).status == 204
        expected = [{"externalId": "C 1/ä", "system": "CRM"}, {"externalId": "D-1", "system": "Default"}]
        assert app.get(connections_path(contact)).json == {"connections": expected}
        found = app.get("/v1.0/contacts/external-connections/Default/D-1")
        assert found.json == {"id": contact.pk, "uid": str(contact.uid)}
        assert app.get("/v1.0/contacts/external-connections/CRM/D-1").status == 404

    def test_default_is_no_second_default(self, make_contact, app):
        contact = make_contact()
        for system in ("default", "DEFAULT", "\uff24efault"):
            assert app.post(connections_path(contact), {"externalId": "D-1", "system": system}).status == 204
        other = app.post(connections_path(contact), {"externalId": "D-2", "system": "default"})
        assert (other.status, other.sub_code) == (422, "ExternalConnectionExists")
        assert app.get(connections_path(contact)).json["connections"] == [{"externalId": "D-1", "system": "Default"}]
        for system in ("Default", "default"):
            assert app.get(f"/v1.0/contacts/external-connections/{system}/D-1").json["id"] == contact.pk

    def test_a_system_is_one_whatever_its_case_and_spelling(self, make_contact, app):
        contact = make_contact()
        for system in ("crm", "ＣＲＭ", " CRM\n"):
            assert app.post(connections_path(contact), {"externalId": "C-1", "system": system}).status == 204
        other = app.post(connections_path(contact), {"externalId": "C-2", "system": "Crm"})
        assert (other.status, other.sub_code) == (422, "ExternalConnectionExists")
        assert app.get(connections_path(contact)).json["connections"] == [{"externalId": "C-1", "system": "CRM"}]
        assert app.get("/v1.0/contacts/external-connections/crm/C-1").json["id"] == contact.pk

    def test_an_unknown_system_is_refused_with_those_that_there_are(self, make_contact, app):
        ExternalSystem.objects.exclude(name__in=("CBS", "Default")).delete()
        contact = make_contact()
        answer = app.post(connections_path(contact), {"externalId": "C-1", "system": "Old CRM"})
        assert (answer.status, answer.sub_code) == (422, "ValidationFailed")
        message = "There is no system “Old CRM”. The systems are: CBS, Default."
        assert answer.json["properties"] == {"system": [message]}
        assert not contact.external_connections.exists()

    def test_identity_providers_are_systems(self, make_contact, app, settings):
        contact = make_contact()
        body = {"externalId": "C-1", "system": "bank"}
        assert app.post(connections_path(contact), body).status == 422
        settings.OIDC_PROVIDERS = [
            {"name": "Bank", "label": "Bank", "issuer": "https://id.bank.example", "client_id": "k"}
        ]
        assert app.post(connections_path(contact), body).status == 204
        assert app.get(connections_path(contact)).json["connections"] == [{"externalId": "C-1", "system": "Bank"}]

    def test_a_default_of_before_is_no_second_default_either(self, make_contact, app):
        contact = make_contact()
        ExternalConnection.objects.create(contact=contact, system="default", external_id="D-1")
        assert app.post(connections_path(contact), {"externalId": "D-1", "system": "Default"}).status == 204
        other = app.post(connections_path(contact), {"externalId": "D-2", "system": "Default"})
        assert (other.status, other.sub_code) == (422, "ExternalConnectionExists")
        assert contact.external_connections.count() == 1

    def test_an_id_with_a_slash_is_found_when_it_is_escaped(self, make_contact, app):
        contact = make_contact()
        app.post(connections_path(contact), {"externalId": "C 1/ä", "system": "CRM"})
        found = app.get("/v1.0/contacts/external-connections/CRM/C%201%2F%C3%A4")
        assert found.json["id"] == contact.pk

    def test_recording_the_same_again_changes_nothing(self, make_contact, app):
        contact = make_contact()
        for _ in range(2):
            assert app.post(connections_path(contact), {"externalId": "C-1", "system": "CRM"}).status == 204
        assert contact.external_connections.count() == 1

    def test_an_external_id_is_unique_over_all_contacts_whatever_the_system(self, make_contact, app):
        first, second = make_contact(), make_contact()
        app.post(connections_path(first), {"externalId": "C-1", "system": "CRM"})
        for contact, system in ((second, "CRM"), (second, "SSO"), (first, "SSO")):
            answer = app.post(connections_path(contact), {"externalId": "C-1", "system": system})
            assert (answer.status, answer.sub_code) == (422, "ExternalIdNotUnique")

    def test_a_contact_has_one_id_in_a_system(self, make_contact, app):
        contact = make_contact()
        app.post(connections_path(contact), {"externalId": "C-1", "system": "CRM"})
        answer = app.post(connections_path(contact), {"externalId": "C-2", "system": "CRM"})
        assert (answer.status, answer.sub_code) == (422, "ExternalConnectionExists")

    def test_those_of_an_invisible_contact_are_not_found(self, make_contact, make_member, app, api_of):
        contact, stranger = make_contact(), api_of(make_member())
        app.post(connections_path(contact), {"externalId": "C-1", "system": "CRM"})
        assert stranger.get(connections_path(contact)).status == 404
        assert stranger.post(connections_path(contact), {"externalId": "C-2", "system": "SSO"}).status == 404
        assert stranger.get("/v1.0/contacts/external-connections/CRM/C-1").status == 404

    def test_an_external_id_is_required(self, make_contact, app):
        for body in ({}, {"externalId": None}, {"externalId": "  "}):
            assert app.post(connections_path(make_contact()), body).places == {"externalId"}
