// What Unfold and Django's widgets leave out for those who do not use a mouse, or do not see the page.
"use strict";

(() => {
  // Unfold hides a page until Alpine has drawn it, and a browser gives no focus to what is hidden: so it is given then.
  document.addEventListener("alpine:initialized", () => {
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) {
        document.querySelector("[autofocus]")?.focus();
      }
    });
  });

  // A field in a table of inline rows has no label of its own: the head of its column names it.
  function heading(field) {
    const cell = field.closest("td");
    const column = cell && cell.closest("table")?.querySelectorAll("thead th")[cell.cellIndex];
    return column?.textContent;
  }

  function nameOf(field) {
    const near = field.labels?.[0] || field.closest(".field-line")?.querySelector("label");
    const text = field.getAttribute("aria-label") || near?.textContent || heading(field) || "";
    return text.replace("*", "").trim();
  }

  function name(element, text) {
    if (element && text && !element.hasAttribute("aria-label")) {
      element.setAttribute("aria-label", text);
    }
  }

  function nameAll() {
    for (const field of document.querySelectorAll("td :is(select, textarea, input:not([type=hidden]))")) {
      if (!field.labels?.length && !field.closest(".select2-container")) {
        name(field, nameOf(field));
      }
    }
    for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
      const drawn = select.nextElementSibling;
      for (const part of [".select2-selection", "span.select2-selection__rendered", ".select2-search__field"]) {
        name(drawn?.querySelector(part), nameOf(select));
      }
      drawn?.querySelector("ul > span")?.setAttribute("role", "listitem");
      if (drawn?.classList.contains("select2-container--open")) {
        name(document.querySelector(".select2-dropdown .select2-search__field"), nameOf(select));
      }
    }
    for (const hint of document.querySelectorAll(".help-tooltip")) {
      hint.setAttribute("role", "img");
    }
  }

  // Widgets are drawn when the page has loaded, when a row is added, and anew whenever their value changes.
  let isDue = false;

  function nameSoon() {
    if (!isDue) {
      isDue = true;
      requestAnimationFrame(() => {
        isDue = false;
        nameAll();
      });
    }
  }

  // Who opens the filters goes on in them, and who leaves them with Escape is back where they were opened.
  document.addEventListener("click", (event) => {
    if (event.target.closest("#changelist-filter-open")) {
      requestAnimationFrame(() => {
        const parts = document.querySelectorAll("#changelist-filter :is(a[href], button, input, select, textarea)");
        [...parts].find((part) => part.checkVisibility())?.focus();
      });
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.activeElement?.closest("#changelist-filter")) {
      document.getElementById("changelist-filter-open")?.focus();
    }
  });

  document.addEventListener("DOMContentLoaded", () => {
    nameSoon();
    new MutationObserver(nameSoon).observe(document.body, { childList: true, subtree: true });
  });
})();
