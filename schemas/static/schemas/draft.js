// Polls a draft's page while its check runs and updates it in place, without changing the scroll position.
"use strict";

(() => {
  const SECONDS = 1;
  const DRAFT = "#schema-draft";

  async function refresh() {
    try {
      const response = await fetch(`${window.location.pathname}?part=yes`, { credentials: "same-origin" });
      if (response.ok) {
        const holder = document.createElement("template");
        holder.innerHTML = await response.text();
        const fresh = holder.content.querySelector(DRAFT);
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
