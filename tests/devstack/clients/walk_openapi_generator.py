"""What a client does that openapi-generator has made. Prints what came of it."""

import json
import sys
import time

from kontor_client import ApiClient, Configuration, api, models
from kontor_client.exceptions import ForbiddenException

given = json.loads(sys.argv[1])
anna, rita, application = (
    ApiClient(Configuration(host=given["url"], access_token=given[name])) for name in ("anna", "rita", "application")
)
contacts = api.ContactManagementApi(anna)

# A change that one person asks for and another one approves.
only_one = models.ListSearchRequest(filter="client", limit=1)
types = api.SchemaManagementApi(anna).search_list("contact-type", list_search_request=only_one)
new = models.CreateContactRequest(
    contactTypeId=types.items[0].id,
    username=given["username"],
    details={"personalInformation": {"firstName": "Johanna", "lastName": "Heusser"}},
)
contact = contacts.create_contact(new, idempotency_key=given["username"])
again = contacts.create_contact_with_http_info(new, idempotency_key=given["username"])
etag = contacts.get_contact_details_with_http_info(contact.id).headers["ETag"]
known = contacts.get_contact_details_without_preload_content(contact.id, if_none_match=etag)
change = models.SubmitDetailsRequest(details={"personalInformation": {"lastName": "Spyri"}})
submitted = contacts.patch_contact_details(contact.id, change, if_match=etag)
criteria = models.ChangeRequestCriteria(contactIds=[contact.id], statusId=1)
[request] = api.ContactChangeRequestApi(rita).search_change_requests(change_request_criteria=criteria).results
review = {
    "contact_id": contact.id,
    "change_request_id": request.id,
    "review_request": models.ReviewRequest(isApproved=True),
}
try:
    api.ContactChangeRequestApi(anna).review_change_request(**review)
except ForbiddenException as refused:
    own = refused.data.code
api.ContactChangeRequestApi(rita).review_change_request(**review)
details = contacts.get_contact_details(contact.id).details

# An export.
exports = api.ExportManagementApi(application)
query = f"query {{ contacts(where: {{ id: {{ eq: {contact.id} }} }}) {{ items {{ }} }} }}"
job = exports.request_contact_export(export_request=models.ExportRequest(query=query))
while (file := exports.get_contact_export_without_preload_content(job.export_job_id)).status == 202:
    time.sleep(0.2)

# An import.
imports = api.ImportManagementApi(application)
uploaded = imports.import_contacts([("contacts.json", given["file"].encode())])
sync = imports.sync_contacts(sync_request=models.SyncRequest(files=uploaded.files))
while (status := imports.get_sync_status(sync.status_id)).status not in (
    models.ImportStatus.COMPLETED,
    models.ImportStatus.FAILED,
):
    time.sleep(0.2)

# A picture.
pictures = api.ContactManagementApi(application)
picture = models.ReplacePictureRequest(imageContentBase64=given["picture"])
pictures.put_profile_picture(contact.id, replace_picture_request=picture)

json.dump(
    {
        "replayed": again.headers.get("Idempotency-Replayed"),
        "known": known.status,
        "waits": submitted.is_approval_required,
        "own": own,
        "lastName": details["personalInformation"]["lastName"],
        "rows": file.read().decode().count("Spyri"),
        "created": status.progress.created,
        "isDefaultImage": pictures.get_profile_picture(contact.id).is_default_image,
    },
    sys.stdout,
)
