// The search box of every page: opened by its button, Ctrl+K or "/". Remembers ids of what was opened, never names.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const finder = document.getElementById("k-finder");
  if (!finder) {
    return;
  }
  const input = finder.querySelector("input");
  const list = finder.querySelector("ul");
  const kept = `finder-recent-${finder.dataset.user}`;
  const MOST_RECENT = 8;
  const PAUSE_MILLISECONDS = 150;
  let asked = 0;
  // The text of which the list is the answer.
  let shown;
  let timer;

  const hits = () => [...list.querySelectorAll("a")];
  const chosen = () => list.querySelector('a[aria-selected="true"]');
  const recent = () => JSON.parse(localStorage.getItem(kept) || "[]");

  function choose(hit) {
    chosen()?.setAttribute("aria-selected", "false");
    hit?.setAttribute("aria-selected", "true");
    hit?.scrollIntoView({ block: "nearest" });
    if (hit) {
      input.setAttribute("aria-activedescendant", hit.id);
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  }

  async function load() {
    const number = ++asked;
    const text = input.value;
    const query = new URLSearchParams();
    if (text.trim()) {
      query.set("q", text);
    } else {
      recent().forEach((key) => query.append("recent", key));
    }
    const answer = await fetch(`${finder.dataset.address}?${query}`);
    const rows = await answer.text();
    // Somebody has typed on, or the session has ended.
    if (number !== asked || !answer.ok || answer.redirected) {
      return;
    }
    list.innerHTML = rows;
    shown = text;
    choose(hits()[0]);
  }

  function open() {
    if (!finder.open) {
      finder.showModal();
      input.select();
      load();
    }
  }

  function remember(link) {
    const keys = [link.dataset.key, ...recent().filter((key) => key !== link.dataset.key)];
    localStorage.setItem(kept, JSON.stringify(keys.slice(0, MOST_RECENT)));
  }

  // Enter right after the last key opens what that key finds, not what was found before.
  async function enter(event) {
    clearTimeout(timer);
    const isNewTab = event.ctrlKey || event.metaKey;
    if (shown !== input.value) {
      await load();
    }
    const link = chosen();
    if (link && shown === input.value) {
      remember(link);
      if (isNewTab) {
        window.open(link.href, "_blank", "noopener");
      } else {
        window.location = link.href;
      }
    }
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(load, PAUSE_MILLISECONDS);
  });

  input.addEventListener("keydown", (event) => {
    const all = hits();
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && all.length) {
      event.preventDefault();
      choose(all[(all.indexOf(chosen()) + step + all.length) % all.length]);
    } else if (event.key === "Enter") {
      event.preventDefault();
      enter(event);
    }
  });

  list.addEventListener("click", (event) => {
    const link = event.target.closest("a");
    if (link) {
      remember(link);
    }
  });

  // Outside of what it shows is the dialog itself.
  finder.addEventListener("click", (event) => event.target === finder && finder.close());

  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, textarea, select, [contenteditable]");
    const isCommand = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey;
    // On a list, Unfold moves to the list's own box with that key.
    const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey;
    if (isCommand || (isSlash && !isTyping && !document.getElementById("searchbar"))) {
      event.preventDefault();
      open();
    }
  });

  document.querySelectorAll("[data-finder]").forEach((button) => button.addEventListener("click", open));
});
