// Adds, removes and moves the rows of arrays in schema forms, by mouse or keyboard.
//
// Each row has a hidden field with its id under the array's name, and the names of its controls contain that id. The
// server reads rows in the order of the submitted ids, so moving or removing rows renames nothing.
"use strict";

(() => {
  let added = 0;

  function text(form, name) {
    return form.querySelector("[data-kf-texts]")?.dataset[name] ?? "";
  }

  function say(form, name) {
    const status = form.querySelector("[data-kf-status]");
    if (status) {
      status.textContent = "";
      window.setTimeout(() => {
        status.textContent = text(form, name);
      }, 50);
    }
  }

  // Replaces in all attributes below a node, including the templates of nested arrays.
  function replaceInAttributes(node, placeholder, value) {
    for (const element of node.querySelectorAll("*")) {
      for (const attribute of element.attributes) {
        if (attribute.value.includes(placeholder)) {
          attribute.value = attribute.value.replaceAll(placeholder, value);
        }
      }
      if (element instanceof HTMLTemplateElement) {
        replaceInAttributes(element.content, placeholder, value);
      }
    }
  }

  function rowsOf(array) {
    return [...array.querySelector(":scope > [data-kf-rows]").children];
  }

  function renumber(array) {
    const rows = rowsOf(array);
    rows.forEach((row, index) => {
      const label = `${row.dataset.kfLabel} ${index + 1}`;
      row.setAttribute("aria-label", label);
      row.querySelector(":scope > .kf-tools > [data-kf-up]").disabled = index === 0;
      row.querySelector(":scope > .kf-tools > [data-kf-down]").disabled = index === rows.length - 1;
      const own = row.querySelector(":scope > .kf-item > .kf-field > [data-kf-numbered]");
      if (own) {
        own.textContent = label;
      }
    });
  }

  function add(array) {
    const template = array.querySelector(":scope > [data-kf-blank]");
    const fragment = template.content.cloneNode(true);
    added += 1;
    replaceInAttributes(fragment, template.dataset.kfBlank, `n${Date.now().toString(36)}x${added}`);
    const row = fragment.firstElementChild;
    array.querySelector(":scope > [data-kf-rows]").append(fragment);
    renumber(array);
    row.dispatchEvent(new CustomEvent("kf:added", { bubbles: true }));
    row.querySelector(".kf-item :is(input:not([type=hidden]), select:not([hidden]), textarea)")?.focus();
  }

  function remove(array, row) {
    const rows = rowsOf(array);
    const next = rows[rows.indexOf(row) + 1] ?? rows[rows.indexOf(row) - 1];
    row.remove();
    renumber(array);
    const place = next?.querySelector(":scope > .kf-tools > [data-kf-remove]");
    (place ?? array.querySelector(":scope > [data-kf-add]")).focus();
  }

  function move(array, row, button, isUp) {
    const other = isUp ? row.previousElementSibling : row.nextElementSibling;
    if (!other) {
      return;
    }
    if (isUp) {
      other.before(row);
    } else {
      other.after(row);
    }
    renumber(array);
    if (button.disabled) {
      row.querySelector(`:scope > .kf-tools > ${isUp ? "[data-kf-down]" : "[data-kf-up]"}`).focus();
    } else {
      button.focus();
    }
  }

  function clicked(event) {
    const button = event.target.closest("[data-kf-add], [data-kf-remove], [data-kf-up], [data-kf-down]");
    const form = button?.closest("[data-kf]");
    if (!form) {
      return;
    }
    const array = button.closest("[data-kf-array]");
    const row = button.closest("[data-kf-row]");
    if (button.matches("[data-kf-add]")) {
      add(array);
      say(form, "added");
    } else if (button.matches("[data-kf-remove]")) {
      remove(array, row);
      say(form, "removed");
    } else {
      move(array, row, button, button.matches("[data-kf-up]"));
      say(form, "moved");
    }
  }

  function begin() {
    document.querySelectorAll("[data-kf] [data-kf-array]").forEach((array) => {
      if (array.querySelector(":scope > [data-kf-add]")) {
        renumber(array);
      }
    });
  }

  document.addEventListener("click", clicked);
  // Page parts loaded later, such as a preview, may contain arrays.
  document.addEventListener("htmx:load", begin);
  document.addEventListener("kf:added", begin);
  document.addEventListener("DOMContentLoaded", () => {
    begin();
    document.querySelector("[data-kf-summary]")?.focus();
  });
})();
