// Turns the select of a long list into a combobox that looks up items while typing.
//
// The hidden select still holds the chosen value and is what the form submits. `data-kf-choices` is the URL of the
// lookup; `data-kf-parent` names the control with the parent item, which restricts the items.
"use strict";

(() => {
  const WAIT = 150;
  let made = 0;

  function textOf(select, name) {
    return select.closest("[data-kf]")?.querySelector("[data-kf-texts]")?.dataset[name] ?? "";
  }

  function parentOf(select) {
    const name = select.dataset.kfParent;
    return name ? select.form?.elements.namedItem(name) ?? document.getElementsByName(name)[0] ?? null : null;
  }

  function labelOf(control) {
    const id = control.dataset.kfInput ?? control.id;
    const label = document.querySelector(`label[for="${CSS.escape(id)}"]`);
    const text = [...(label?.childNodes ?? [])].find((node) => node.nodeType === Node.TEXT_NODE);
    return text?.textContent.trim() ?? "";
  }

  class Combobox {
    constructor(select) {
      this.select = select;
      this.items = [];
      this.active = -1;
      this.request = 0;
      made += 1;
      this.list = document.createElement("ul");
      this.list.id = `kf-list-${made}`;
      this.list.className = "kf-list";
      this.list.hidden = true;
      this.list.setAttribute("role", "listbox");
      this.input = document.createElement("input");
      this.input.type = "text";
      this.input.className = "kf-input kf-combo";
      this.input.autocomplete = "off";
      this.input.spellcheck = false;
      this.input.id = select.id;
      this.input.setAttribute("role", "combobox");
      this.input.setAttribute("aria-autocomplete", "list");
      this.input.setAttribute("aria-expanded", "false");
      this.input.setAttribute("aria-controls", this.list.id);
      for (const name of ["aria-describedby", "aria-invalid", "aria-required"]) {
        if (select.hasAttribute(name)) {
          this.input.setAttribute(name, select.getAttribute(name));
          select.removeAttribute(name);
        }
      }
      this.input.disabled = select.disabled;
      select.dataset.kfInput = select.id;
      this.list.setAttribute("aria-label", labelOf(select));
      select.id = `${select.id}_key`;
      select.hidden = true;
      select.tabIndex = -1;
      this.showChosen();
      const frame = document.createElement("div");
      frame.className = "kf-combobox";
      select.before(frame);
      frame.append(select, this.input, this.list);
      this.listen();
    }

    listen() {
      this.input.addEventListener("input", () => this.lookUpSoon());
      this.input.addEventListener("click", () => this.lookUp(""));
      this.input.addEventListener("focus", () => this.input.select());
      this.input.addEventListener("keydown", (event) => this.pressed(event));
      this.input.addEventListener("blur", () => this.left());
      // mousedown, since click comes after the input has lost focus.
      this.list.addEventListener("mousedown", (event) => {
        event.preventDefault();
        const option = event.target.closest("[role=option]");
        if (option) {
          this.choose(this.items[Number(option.dataset.index)]);
        }
      });
      const parent = parentOf(this.select);
      parent?.addEventListener("change", () => this.choose(null));
    }

    get chosenName() {
      return this.select.value ? this.select.selectedOptions[0].textContent : "";
    }

    showChosen() {
      this.input.value = this.chosenName;
    }

    lookUpSoon() {
      window.clearTimeout(this.timer);
      this.timer = window.setTimeout(() => this.lookUp(this.input.value.trim()), WAIT);
    }

    async lookUp(term) {
      window.clearTimeout(this.timer);
      const parent = parentOf(this.select);
      if (parent && !parent.value) {
        this.show([], textOf(this.select, "parent").replace("{label}", labelOf(parent)));
        return;
      }
      if (!this.select.dataset.kfChoices) {
        return;
      }
      this.request += 1;
      const request = this.request;
      const address = new URL(this.select.dataset.kfChoices, window.location.href);
      address.searchParams.set("term", term);
      if (parent) {
        address.searchParams.set("parent", parent.value);
      }
      try {
        const response = await fetch(address, { credentials: "same-origin", headers: { Accept: "application/json" } });
        if (!response.ok) {
          throw new Error(String(response.status));
        }
        const found = await response.json();
        if (request === this.request && document.activeElement === this.input) {
          const note = found.hasMore ? "more" : found.items.length ? "" : "none";
          this.show(found.items, note && textOf(this.select, note));
          if (term && found.items.length) {
            this.activate(0);
          }
        }
      } catch {
        if (request === this.request) {
          this.show([], textOf(this.select, "failed"));
        }
      }
    }

    show(items, note) {
      this.items = items;
      this.active = -1;
      this.input.removeAttribute("aria-activedescendant");
      this.list.replaceChildren(
        ...items.map((item, index) => {
          const option = document.createElement("li");
          option.id = `${this.list.id}-${index}`;
          option.dataset.index = String(index);
          option.setAttribute("role", "option");
          option.setAttribute("aria-selected", String(item.key === this.select.value));
          option.textContent = item.name;
          return option;
        }),
      );
      if (note) {
        const last = document.createElement("li");
        last.className = "kf-note";
        last.setAttribute("role", "option");
        last.setAttribute("aria-disabled", "true");
        last.setAttribute("aria-selected", "false");
        last.removeAttribute("data-index");
        last.textContent = note;
        this.list.append(last);
      }
      this.list.hidden = false;
      this.input.setAttribute("aria-expanded", "true");
    }

    close() {
      this.request += 1;
      window.clearTimeout(this.timer);
      this.list.hidden = true;
      this.active = -1;
      this.input.setAttribute("aria-expanded", "false");
      this.input.removeAttribute("aria-activedescendant");
    }

    activate(index) {
      const options = [...this.list.querySelectorAll("[data-index]")];
      if (!options.length) {
        return;
      }
      this.active = (index + options.length) % options.length;
      options.forEach((option, number) => option.classList.toggle("kf-active", number === this.active));
      const option = options[this.active];
      option.scrollIntoView({ block: "nearest" });
      this.input.setAttribute("aria-activedescendant", option.id);
    }

    choose(item) {
      const before = this.select.value;
      if (item && ![...this.select.options].some((option) => option.value === item.key)) {
        this.select.append(new Option(item.name, item.key));
      }
      this.select.value = item ? item.key : "";
      this.showChosen();
      this.close();
      if (this.select.value !== before) {
        this.select.dispatchEvent(new Event("change", { bubbles: true }));
      }
    }

    pressed(event) {
      const isOpen = !this.list.hidden;
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (isOpen) {
          this.activate(this.active < 0 && event.key === "ArrowUp" ? -1 : this.active + (event.key === "ArrowDown" ? 1 : -1));
        } else {
          this.lookUp("");
        }
      } else if (event.key === "Enter" && isOpen) {
        event.preventDefault();
        if (this.active >= 0) {
          this.choose(this.items[this.active]);
        }
      } else if (event.key === "Escape" && isOpen) {
        event.preventDefault();
        event.stopPropagation();
        this.showChosen();
        this.close();
      }
    }

    // Text that was typed but not chosen: empty clears the choice, the exact name or key of an item chooses it.
    left() {
      const typed = this.input.value.trim();
      if (!typed) {
        this.choose(null);
      } else if (typed !== this.chosenName) {
        const meant = this.items.filter((item) => item.name.toLowerCase() === typed.toLowerCase() || item.key === typed);
        if (meant.length === 1) {
          this.choose(meant[0]);
        } else {
          this.showChosen();
          this.close();
        }
      } else {
        this.close();
      }
    }
  }

  function enhance(root) {
    root.querySelectorAll("select[data-kf-choices]:not([data-kf-input])").forEach((select) => new Combobox(select));
  }

  document.addEventListener("kf:added", (event) => enhance(event.target));
  document.addEventListener("htmx:load", (event) => enhance(event.target));
  if (document.readyState === "loading") {
    document.addEventListener("DOMContentLoaded", () => enhance(document));
  } else {
    enhance(document);
  }
})();
