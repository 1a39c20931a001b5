"""Every text and JSON column must be listed here as erased or as free of contact data."""

from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.db import models

# Erased when a contact is anonymized; `test_anonymization.py` shows it in a dump of the database.
ERASED = {
    "accounts.IdempotencyRecord": {"body"},
    "accounts.User": {"username", "password", "first_name", "last_name", "email", "language"},
    "admin.LogEntry": {"object_repr", "change_message"},
    "changerequests.ChangeRequest": {"initiator_comment", "review_comment", "digest_salt"},
    "changerequests.Decision": {"comment"},
    "changerequests.Proposal": {"changes"},
    "changerequests.RequestSubject": {"message"},
    "changerequests.Revision": {"comment"},
    "changerequests.RequestAttachment": {"file", "name"},
    "changerequests.RequestComment": {"text"},
    "contactgroups.ContactGroup": {"name", "custom_attributes"},
    "audit.Entry": {"changes", "comment"},
    "contacts.Channel": {"pending_value", "key_hash"},
    "contacts.Contact": {"details", "name", "username"},
    "contacts.ExternalConnection": {"external_id", "system"},
    "core.PendingFileDeletion": {"name"},
    "contacts.ProfilePicture": {"file", "sha256"},
    # Once the contact exists, and some time after it was refused.
    "contacts.ReservedExternalId": {"external_id"},
    "contacts.SearchKeys": {"keys"},
    "contacts.SearchWord": {"word"},
    "contacts.WaitingContact": {"name", "username"},
    "importexport.ExportJob": {"query", "list_filter", "file_name", "error_message"},
    "importexport.ImportFailure": {"external_id", "message"},
    "importexport.ImportFile": {"name", "original_name"},
    "importexport.WaitingEntry": {"external_id", "changes"},
    "matching.Pair": {"reason"},
    "oauth2_provider.AccessToken": {"token", "token_checksum", "scope", "resource"},
    "oauth2_provider.Grant": {
        "code", "redirect_uri", "scope", "code_challenge", "code_challenge_method", "nonce", "claims", "resource",
    },
    "oauth2_provider.RefreshToken": {"token", "token_checksum", "resource"},
}  # fmt: skip

# Says nothing of a contact: companies, staff, configuration, and what the programs need.
NOT_OF_A_CONTACT = {
    "accounts.AuthorizationCode",
    "accounts.UsedAssertion",
    "accounts.ClientApplication",
    # Of commands, and why they were run.
    "administration.BreakGlass",
    "administration.ConfigurationSubject",
    "accounts.Participant",
    # Of staff: contacts have no second factor, and do not come in from identity providers.
    "accounts.RecoveryCode",
    "accounts.LogoutToken",
    "accounts.ProviderGroup",
    "accounts.ProviderIdentity",
    "accounts.ProviderSession",
    # Of the institution's directory, which has no clients.
    "administration.ProvisionedGroup",
    "administration.ProvisionedUser",
    "otp_totp.TOTPDevice",
    # Names are keyed hashes; see `tests/security/test_lockout.py`. Two of the tables stay empty.
    "axes.AccessAttempt",
    "axes.AccessFailureLog",
    "axes.AccessLog",
    "auth.Group",
    "auth.Permission",
    "changerequests.Holiday",
    "changerequests.PolicyVersion",
    "contacts.ExternalSystem",
    "contacts.SearchField",
    "contacts.SearchFill",
    "contenttypes.ContentType",
    "events.Webhook",
    "legalentities.LegalEntity",
    "legalentities.WaitingLegalEntity",
    "oauth2_provider.DeviceGrant",
    "oauth2_provider.IDToken",
    "schemas.List",
    "schemas.ListItem",
    "schemas.Schema",
    "schemas.SchemaDraft",
    "schemas.SchemaVersion",
    "sessions.Session",
}
NOT_PERSONAL = {
    "accounts.IdempotencyRecord": {"caller", "key", "fingerprint", "subject"},
    "accounts.Notice": {"kind", "subject_kind", "paths", "language"},
    "admin.LogEntry": {"object_id"},
    "changerequests.ChangeRequest": {"kind", "source", "paths", "language", "initiator_system"},
    # Nobody guesses a value by the digest: the salt is erased.
    "changerequests.Decision": {"verdict", "digest", "paths"},
    "changerequests.DeadlineMail": {"reason"},
    "changerequests.DailyDigest": {"language"},
    "changerequests.Notification": {"event"},
    "changerequests.RequestStage": {"name"},
    "changerequests.RequestSubject": {"kind", "outcome"},
    "changerequests.Revision": {"reason"},
    # Without the search term. The name is a member's own word for its filters.
    "changerequests.SavedFilter": {"name", "query"},
    "changerequests.RequestAttachment": {"media_type"},
    "contactgroups.ContactGroup": {"external_id"},
    "contactgroups.LinkedEntity": {"entity_type"},
    # Ids alone, and the program that ran.
    "audit.Access": {"system", "correlation_id"},
    "audit.AccessProcess": {"host", "program"},
    "audit.Entry": {"kind", "initiator_system", "paths", "correlation_id"},
    "audit.Erasure": {"kind"},
    "operations.SchedulerLease": {"holder", "sent"},
    "matching.DuplicateSearch": {"language", "status", "error_message"},
    # Hashes of salted commitments, whose salts are erased.
    "proof.Seal": {"body", "entries"},
    "contacts.Channel": {"kind", "path", "language"},
    "contacts.Contact": {"entry_kind"},
    # Ids of participants, members, groups and access policies.
    "contacts.Merge": {"before", "after"},
    # Ids, types, and what the receiver of a webhook answered.
    "events.Event": {"type"},
    "events.Delivery": {"subject", "status", "error"},
    "importexport.ExportJob": {"kind", "status", "columns", "language", "error_code", "requested_by_system"},
    "importexport.ImportFailure": {"path"},
    "importexport.ImportFile": {"kind", "owner_system", "sha256"},
    "importexport.WaitingEntry": {"kind", "stages"},
    "importexport.ImportJob": {
        "kind",
        "status",
        "duplicates",
        "language",
        "error_code",
        "error_message",
        "requested_by_system",
    },
}
TEXTS = (models.CharField, models.TextField, models.JSONField, models.FileField, models.GeneratedField)


def holds_text(field: models.Field) -> bool:
    return isinstance(field.base_field if isinstance(field, ArrayField) else field, TEXTS)


def test_every_text_and_json_column_is_erased_or_known_to_say_nothing_of_a_contact():
    forgotten = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        # A proxy has the columns of its model.
        if not model._meta.proxy and model._meta.label not in NOT_OF_A_CONTACT
        for field in model._meta.concrete_fields
        if holds_text(field)
        and field.name not in ERASED.get(model._meta.label, set()) | NOT_PERSONAL.get(model._meta.label, set())
    }
    assert forgotten == set()


def test_the_table_names_nothing_that_is_not_there():
    for label, names in (*ERASED.items(), *NOT_PERSONAL.items()):
        assert names <= {field.name for field in apps.get_model(label)._meta.concrete_fields}, label
