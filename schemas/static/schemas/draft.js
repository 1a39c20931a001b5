// Shows the page of a draft anew while what is stored is being checked, without moving the page under its reader.
"use strict";

(() => {
  const SECONDS = 1;
  const DRAFT = "#schema-draft";

  async function refresh() {
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin" });
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.querySelector(DRAFT);
        if (fresh) {
          document.querySelector(DRAFT).replaceWith(fresh);
        }
      }
    } finally {
      wait();
    }
  }

  function wait() {
    if (document.querySelector(`${DRAFT} [data-unfinished-job]`)) {
      window.setTimeout(refresh, SECONDS * 1000);
    }
  }

  document.addEventListener("DOMContentLoaded", wait);
})();
