// What a client does with openapi-fetch and the types that openapi-typescript has made. Prints what came of it.

import createClient from "openapi-fetch";
import type { components, paths } from "./kontor";

type Given = Record<"url" | "anna" | "rita" | "application" | "username" | "file" | "picture", string>;

const given: Given = JSON.parse(process.argv[2]!);
const [anna, rita, application] = [given.anna, given.rita, given.application].map((token) =>
  createClient<paths>({ baseUrl: given.url, headers: { Authorization: `Bearer ${token}` } }),
) as [Client, Client, Client];
type Client = ReturnType<typeof createClient<paths>>;

/** The data of an answer, or an error that says what the API said. */
function data<T>(answer: { data?: T; error?: components["schemas"]["ApiError"] }): T {
  if (answer.error) throw new Error(`${answer.error.subCode}: ${answer.error.message}`);
  return answer.data as T;
}
const pause = () => new Promise((resolve) => setTimeout(resolve, 200));

// A change that one person asks for and another one approves.
const types = data(
  await anna.POST("/v1.0/lists/{listKey}/search", {
    params: { path: { listKey: "contact-type" } },
    body: { filter: "client", limit: 1 },
  }),
);
const creation = {
  params: { header: { "Idempotency-Key": given.username } },
  body: {
    contactTypeId: types.items[0]!.id,
    username: given.username,
    details: { personalInformation: { firstName: "Johanna", lastName: "Heusser" } },
  },
};
const contact = data(await anna.POST("/v1.0/contacts", creation));
if (!("id" in contact)) throw new Error("It waits for an approval.");
const again = await anna.POST("/v1.0/contacts", creation);
const path = { contactId: contact.id };
const etag = (await anna.GET("/v1.0/contacts/{contactId}/details", { params: { path } })).response.headers.get("ETag")!;
const known = await anna.GET("/v1.0/contacts/{contactId}/details", {
  params: { path, header: { "If-None-Match": etag } },
});
const submitted = data(
  await anna.PATCH("/v1.0/contacts/{contactId}/details", {
    params: { path, header: { "If-Match": etag } },
    body: { details: { personalInformation: { lastName: "Spyri" } } },
  }),
);
const found = data(
  await rita.POST("/v1.0/contacts/change-requests/search", { body: { contactIds: [contact.id], statusId: 1 } }),
);
const review = {
  params: { path: { ...path, changeRequestId: found.results[0]!.id } },
  body: { isApproved: true },
};
const own = await anna.POST("/v1.0/contacts/{contactId}/change-requests/{changeRequestId}/review", review);
data(await rita.POST("/v1.0/contacts/{contactId}/change-requests/{changeRequestId}/review", review));
const { details } = data(await anna.GET("/v1.0/contacts/{contactId}/details", { params: { path } }));

// An export.
const job = data(
  await application.POST("/v1.0/contacts/export", {
    body: { query: `query { contacts(where: { id: { eq: ${contact.id} } }) { items { } } }` },
  }),
);
let file;
do {
  await pause();
  file = await application.GET("/v1.0/contacts/export/{exportJobId}", {
    params: { path: job },
    parseAs: "text",
  });
} while (file.response.status === 202);

// An import.
const form = new FormData();
form.append("files", new File([given.file], "contacts.json"));
const uploaded = data(
  await application.POST("/v1.0/contacts/import", {
    body: { files: [] },
    bodySerializer: () => form,
  }),
);
const sync = data(await application.POST("/v1.0/contacts/import/sync", { body: { files: uploaded.files } }));
let status;
do {
  await pause();
  status = data(await application.GET("/v1.0/import/sync/{statusId}/status", { params: { path: sync } }));
} while (status.status !== "Completed" && status.status !== "Failed");

// A picture.
data(
  await application.PUT("/v1.0/contacts/{contactId}/profile-picture", {
    params: { path },
    body: { imageContentBase64: given.picture },
  }),
);
const picture = data(await application.GET("/v1.0/contacts/{contactId}/profile-picture", { params: { path } }));

console.log(
  JSON.stringify({
    replayed: again.response.headers.get("Idempotency-Replayed"),
    known: known.response.status,
    waits: submitted.isApprovalRequired,
    own: own.error?.code,
    lastName: (details["personalInformation"] as { lastName: string }).lastName,
    rows: String(file.data).split("Spyri").length - 1,
    created: status.progress.created,
    isDefaultImage: picture.isDefaultImage,
  }),
);
