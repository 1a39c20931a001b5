/* Unfold's pages under a policy that forbids eval: what their expressions cannot say there is said here.

Alpine's build for such policies evaluates expressions itself. It knows no globals, so that the components of unfold's
app.js are given to it by name; and what unfold does in statements is in methods. */
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
    // All that unfold's forms ask of the window, to send themselves to where they are.
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
