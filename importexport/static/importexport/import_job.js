// Shows the page of an import anew while it is not finished, without moving the page under its reader.
"use strict";

(() => {
  const SECONDS = 1;
  const JOB = "#import-job";

  async function refresh() {
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin" });
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.querySelector(JOB);
        if (fresh) {
          document.querySelector(JOB).replaceWith(fresh);
        }
      }
    } finally {
      wait();
    }
  }

  function wait() {
    if (document.querySelector(`${JOB} [data-unfinished-job]`)) {
      window.setTimeout(refresh, SECONDS * 1000);
    }
  }

  document.addEventListener("DOMContentLoaded", wait);
})();
