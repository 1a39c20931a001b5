// Forms that decide, `data-look-first`: nothing is sent in the first second of a page, nor twice. The second click of a
// double click lands on the page that follows, which nobody has seen by then. The server refuses it, too.
"use strict";

(() => {
  const LOOK_MILLISECONDS = 1000;

  function guard(form) {
    const buttons = form.querySelectorAll("[type=submit]");
    const hint = form.querySelector("[data-look-hint]");
    let isReady = false;
    let isSent = false;
    let timer;

    // Not `disabled`: the buttons keep their place in the order of tabs.
    function wait() {
      isReady = false;
      isSent = false;
      buttons.forEach((button) => button.setAttribute("aria-disabled", "true"));
      clearTimeout(timer);
      timer = setTimeout(() => {
        isReady = true;
        buttons.forEach((button) => button.removeAttribute("aria-disabled"));
      }, LOOK_MILLISECONDS);
    }

    form.addEventListener("submit", (event) => {
      if (isReady && !isSent) {
        isSent = true;
        return;
      }
      event.preventDefault();
      if (!isReady) {
        hint.textContent = hint.dataset.lookHint;
      }
    });
    // Also when the page comes back from the history, or from behind another tab.
    window.addEventListener("pageshow", (event) => event.persisted && wait());
    document.addEventListener("visibilitychange", () => document.hidden || wait());
    wait();
  }

  document.addEventListener("DOMContentLoaded", () => {
    document.querySelectorAll("form[data-look-first]").forEach(guard);
  });
})();
