/* Makes Unfold's pages work under a content security policy that forbids eval.

Alpine's CSP build evaluates expressions itself. It has no access to globals, so the components of Unfold's app.js are
registered by name; and it supports no statements, so these are methods here. */
"use strict";

document.addEventListener("alpine:init", () => {
  for (const name of ["theme", "searchForm", "searchCommand"]) {
    if (typeof window[name] === "function") {
      Alpine.data(name, window[name]);
    }
  }

  Alpine.data("searchDropdown", () => ({
    ...window.searchDropdown(),
    openFirst() {
      this.openSearchResults = true;
      this.currentIndex = 0;
    },
    clearOrLeave() {
      this.openSearchResults = false;
      const input = this.$refs.searchInput;
      if (input.value === "") {
        input.blur();
      } else {
        input.value = "";
      }
    },
  }));

  Alpine.data("shell", () => ({
    activeTab: "",
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
    // Unfold's forms read only these to submit to the current address.
    get window() {
      return { location: { pathname: location.pathname, search: location.search } };
    },
    init() {
      const primary = this.$root.dataset.primaryTab;
      this.activeTab = primary ? window.getCurrentTab() || primary : "";
    },
    toggleSidebar() {
      this.sidebarDesktopOpen = !this.sidebarDesktopOpen;
      localStorage.setItem("sidebarDesktopOpen", this.sidebarDesktopOpen ? "1" : "0");
    },
  }));
});

// SimpleBar calls every part of the page that scrolls the same, unless it has a name when SimpleBar starts.
document.addEventListener("DOMContentLoaded", () => {
  const { menu, filters } = document.body.dataset;
  const title = document.querySelector("h1")?.textContent.trim();
  document.querySelectorAll("[data-simplebar]").forEach((part) => {
    const name = part.closest("nav") ? menu : part.closest("#changelist-filter") ? filters : title;
    part.dataset.simplebarAriaLabel = name || title || menu;
  });
});
