// Shows a list of jobs anew while one of them is not finished, without moving the page under its reader.
"use strict";

(() => {
  const SECONDS = 2;
  const LIST = "#changelist-form";

  async function refresh() {
    try {
      const response = await fetch(window.location.href, { credentials: "same-origin" });
      if (response.ok) {
        const page = new DOMParser().parseFromString(await response.text(), "text/html");
        const fresh = page.querySelector(LIST);
        if (fresh) {
          document.querySelector(LIST).replaceWith(fresh);
        }
      }
    } finally {
      wait();
    }
  }

  function wait() {
    if (document.querySelector("[data-unfinished-job]")) {
      window.setTimeout(refresh, SECONDS * 1000);
    }
  }

  document.addEventListener("DOMContentLoaded", wait);
})();
