// Accessibility fixes to Unfold and Django's widgets, for keyboard and screen reader users.
"use strict";

(() => {
  // Unfold hides the page until Alpine has initialized, and browsers ignore autofocus on hidden elements.
  document.addEventListener("alpine:initialized", () => {
    requestAnimationFrame(() => {
      if (document.activeElement === document.body) {
        document.querySelector("[autofocus]")?.focus();
      }
    });
  });

  // Fields in tabular inlines have no label: the column header names them.
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

  // Widgets are rendered on load, when a row is added, and again on each change of value.
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

  // Opening the filters moves the focus into them; Escape returns it to the button that opened them.
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
