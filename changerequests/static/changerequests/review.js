// Keyboard shortcuts of the review page. Without this file its links and buttons still work.
// A key only selects and Enter decides, so that no stray key approves anything.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.querySelector("#review");
  if (!page) {
    return;
  }
  const KEPT = "kontor.review.keys";
  const help = document.querySelector("#review-keys");
  const helpButton = document.querySelector("#review-keys-button");
  const isOn = document.querySelector("#review-keys-on");
  const form = document.querySelector("#decision-form");
  const comment = form?.querySelector("textarea");
  const hint = document.querySelector("#review-hint");
  const approve = form?.querySelector("[value=approve]");
  const reject = form?.querySelector("[value=reject]");

  // Without local storage the shortcuts are on.
  function kept(value) {
    try {
      if (value !== undefined) {
        window.localStorage.setItem(KEPT, value);
      }
      return window.localStorage.getItem(KEPT);
    } catch {
      return null;
    }
  }

  // Not where there are no keys: the page would move under the finger that leaves the comment.
  const hasKeys = !window.matchMedia("(hover: none) and (pointer: coarse)").matches;

  function say(text) {
    if (hint && hasKeys) {
      hint.textContent = text;
    }
  }

  function isWriting(element) {
    return element.isContentEditable || element.matches("input, textarea, select, [role=combobox], [role=textbox]");
  }

  function follow(key) {
    page.querySelector(`a[data-key=${key}]`)?.click();
  }

  const actions = {
    a() {
      if (!approve) {
        return;
      }
      if (document.activeElement === approve) {
        approve.click();
        return;
      }
      approve.focus();
      say(hint.dataset.approve);
    },
    r() {
      comment?.focus();
    },
    j: () => follow("j"),
    k: () => follow("k"),
    "?": () => help.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    const hasModifier = event.ctrlKey || event.metaKey || event.altKey;
    if (event.defaultPrevented || event.isComposing || event.repeat) {
      return;
    }
    if (event.target === comment) {
      if (event.key === "Escape") {
        comment.blur();
        say("");
      } else if (event.key === "Enter" && !event.shiftKey) {
        // A reason belongs to a rejection: no key that follows it may approve.
        event.preventDefault();
        reject.click();
      }
      return;
    }
    if (hasModifier || !isOn.checked || help.open || isWriting(event.target) || !Object.hasOwn(actions, event.key)) {
      return;
    }
    event.preventDefault();
    actions[event.key]();
  });

  approve?.addEventListener("blur", () => say(""));
  comment?.addEventListener("focus", () => say(hint.dataset.reject));
  comment?.addEventListener("blur", () => say(""));

  isOn.checked = kept() !== "off";
  isOn.addEventListener("change", () => kept(isOn.checked ? "on" : "off"));
  helpButton.hidden = false;
  helpButton.addEventListener("click", () => help.showModal());

  if (comment?.getAttribute("aria-invalid") === "true") {
    comment.focus();
  }
});
