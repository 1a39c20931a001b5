"""What a client does that openapi-python-client has made. Prints what came of it."""

import json
import sys
import time
from io import BytesIO

from kontor_client import AuthenticatedClient
from kontor_client.api.contact_change_request import review_change_request, search_change_requests
from kontor_client.api.contact_management import (
    create_contact,
    get_contact_details,
    get_profile_picture,
    patch_contact_details,
    put_profile_picture,
)
from kontor_client.api.export_management import get_contact_export, request_contact_export
from kontor_client.api.import_management import get_sync_status, import_contacts, sync_contacts
from kontor_client.api.schema_management import search_list
from kontor_client.models import (
    ChangeRequestCriteria,
    CreateContactRequest,
    ExportProgress,
    ExportRequest,
    ImportContactsBody,
    ImportStatus,
    ListSearchRequest,
    ReplacePictureRequest,
    ReviewRequest,
    SubmitDetailsRequest,
    SyncRequest,
)
from kontor_client.types import File

given = json.loads(sys.argv[1])
anna, rita, application = (
    AuthenticatedClient(base_url=given["url"], token=given[name]) for name in ("anna", "rita", "application")
)

# A change that one person asks for and another one approves.
[kind] = search_list.sync("contact-type", client=anna, body=ListSearchRequest(filter_="client", limit=1)).items
new = CreateContactRequest.from_dict(
    {
        "contactTypeId": kind.id,
        "username": given["username"],
        "details": {"personalInformation": {"firstName": "Johanna", "lastName": "Heusser"}},
    }
)
contact = create_contact.sync(client=anna, body=new, idempotency_key=given["username"])
again = create_contact.sync_detailed(client=anna, body=new, idempotency_key=given["username"])
etag = get_contact_details.sync_detailed(contact.id, client=anna).headers["ETag"]
known = get_contact_details.sync_detailed(contact.id, client=anna, if_none_match=etag)
change = SubmitDetailsRequest.from_dict({"details": {"personalInformation": {"lastName": "Spyri"}}})
submitted = patch_contact_details.sync(contact.id, client=anna, body=change, if_match=etag)
criteria = ChangeRequestCriteria(contact_ids=[contact.id], status_id=1)
[request] = search_change_requests.sync(client=rita, body=criteria).results
own = review_change_request.sync(contact.id, request.id, client=anna, body=ReviewRequest(is_approved=True))
review_change_request.sync_detailed(contact.id, request.id, client=rita, body=ReviewRequest(is_approved=True))
details = get_contact_details.sync(contact.id, client=anna).details.to_dict()

# An export.
query = f"query {{ contacts(where: {{ id: {{ eq: {contact.id} }} }}) {{ items {{ }} }} }}"
job = request_contact_export.sync(client=application, body=ExportRequest(query=query))
while isinstance(file := get_contact_export.sync(job.export_job_id, client=application), ExportProgress):
    time.sleep(0.2)

# An import.
upload = ImportContactsBody(files=[File(payload=BytesIO(given["file"].encode()), file_name="contacts.json")])
uploaded = import_contacts.sync(client=application, body=upload)
sync = sync_contacts.sync(client=application, body=SyncRequest(files=uploaded.files))
while (status := get_sync_status.sync(sync.status_id, client=application)).status not in (
    ImportStatus.COMPLETED,
    ImportStatus.FAILED,
):
    time.sleep(0.2)

# A picture.
picture = ReplacePictureRequest(image_content_base_64=given["picture"])
put_profile_picture.sync_detailed(contact.id, client=application, body=picture)

json.dump(
    {
        "replayed": again.headers.get("Idempotency-Replayed"),
        "known": known.status_code,
        "waits": submitted.is_approval_required,
        "own": own.code,
        "lastName": details["personalInformation"]["lastName"],
        "rows": file.count("Spyri"),
        "created": status.progress.created,
        "isDefaultImage": get_profile_picture.sync(contact.id, client=application).is_default_image,
    },
    sys.stdout,
)
