// Shows jobs anew while one of them is not finished, without moving the page under its reader: a list of jobs, the page
// of one, and the box of the first page, whose `data-source` names an address that answers with the box alone.
"use strict";

(() => {
  const MILLISECONDS = 1000;
  const REGIONS = ["#changelist-form", "#import-job", "#running-jobs"];
  const UNFINISHED = "[data-unfinished-job]";

  const region = () => REGIONS.map((name) => document.querySelector(name)).find((found) => found?.querySelector(UNFINISHED));

  async function refresh() {
    const shown = region();
    try {
      const response = await fetch(shown.dataset.source || window.location.href, { credentials: "same-origin" });
      if (response.ok && !response.redirected) {
        // The page's own styles stay out: their nonce is another answer's, so the browser would refuse them, and say so.
        const text = (await response.text()).replace(/<style[\s\S]*?<\/style>/g, "");
        const page = new DOMParser().parseFromString(text, "text/html");
        const fresh = page.getElementById(shown.id);
        if (fresh) {
          replace(shown, fresh);
        }
      }
    } finally {
      wait();
    }
  }

  // The focus stays on the same link, so that who reads by keyboard is not thrown back to the top.
  function replace(shown, fresh) {
    const links = (place) => [...place.querySelectorAll("a, button, input, select")];
    const focused = links(shown).indexOf(document.activeElement);
    shown.replaceWith(fresh);
    if (focused >= 0) {
      links(fresh)[focused]?.focus({ preventScroll: true });
    }
  }

  function wait() {
    if (region()) {
      window.setTimeout(refresh, MILLISECONDS);
    }
  }

  document.addEventListener("DOMContentLoaded", wait);
})();
