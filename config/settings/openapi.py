"""Settings of drf-spectacular, which writes the OpenAPI document."""

from importlib.metadata import version

API_TAGS = {
    "ContactManagement": "Contacts: their details, history, usernames, pictures, verified addresses and ids elsewhere.",
    "ContactChangeRequest": "The change requests about the details of contacts: find, decide, amend and cancel them.",
    "ChangeRequest": "Change requests of all kinds, with their entries, comments, files and claims.",
    "ContactGroupManagement": "Groups of contacts that share access to companies, accounts and portfolios.",
    "ContactGroupAccess": "Whether a contact or a member has access to a group, or to what is linked to one.",
    "SchemaManagement": "The schemas that details follow, their fields and layout, and the lists of choices.",
    "LegalEntity": "Companies, each of which belongs to a group of contacts.",
    "ExportManagement": "CSV files of contacts and legal entities, written in the background.",
    "ImportManagement": "JSON files of contacts and legal entities: upload them, then sync them in the background.",
    "Events": "What has happened, as a feed to read and as webhooks that send it.",
    "GraphQL": "Lists of contacts and legal entities, filtered, sorted and cut to the fields that you need.",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Kontor",
    "DESCRIPTION": "Client master data under four-eyes control.",
    "VERSION": version("kontor"),
    # Says "or null" in one way that all generators read.
    "OAS_VERSION": "3.1.1",
    "CONTACT": {"name": "Maintainers of Kontor"},
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    # Relative to the address of the document.
    "SERVERS": [{"url": "/", "description": "The installation that serves this document"}],
    "TAGS": [{"name": name, "description": text} for name, text in API_TAGS.items()],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": r"/v\d\.\d",
    "COMPONENT_SPLIT_REQUEST": True,
    "COMPONENT_SPLIT_PATCH": False,
    "SORT_OPERATIONS": False,
    "PREPROCESSING_HOOKS": ["core.openapi_hooks.only_api_operations"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "core.openapi_hooks.plain_nulls",
        "core.openapi_hooks.closed_objects",
        "core.openapi_hooks.present_parameters",
        "core.openapi_hooks.shared_components",
    ],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "ENUM_NAME_OVERRIDES": {
        "ApiErrorCode": "core.serializers.ERROR_CODES",
        "SortOrder": "core.paging.SORT_ORDERS",
        "Channel": "contacts.models.ChannelKind.values",
        "ChangeRequestKind": "changerequests.serializers.searched_kinds",
        "ChangeRequestSortBy": "contacts.serializers.change_requests.SORT_BY",
        "DeliveryError": "administration.webhooks.serializers.ERRORS",
        "DeliveryStatus": "administration.webhooks.serializers.STATUSES",
        "ExportStatus": "importexport.exports.serializers.UNFINISHED_STATUSES",
        "HistorySortBy": "contacts.serializers.contacts.HISTORY_SORT_BY",
        "ImportStatus": "importexport.imports.serializers.STATUSES",
    },
}
