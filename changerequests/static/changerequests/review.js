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
    const fields = "input:not([type=checkbox]), textarea, select, [role=combobox], [role=textbox]";
    return element.isContentEditable || element.matches(fields);
  }

  // The changes that are approved, where a reviewer may strike some.
  const boxes = [...page.querySelectorAll("input[name=approved]")];
  const approveText = approve?.querySelector("[data-some]");

  function isInPart() {
    return boxes.some((box) => !box.checked);
  }

  function countBoxes() {
    if (!approveText) {
      return;
    }
    const { all, some, number } = approveText.dataset;
    const kept = number - boxes.filter((box) => !box.checked).length;
    approveText.textContent = isInPart() ? some.replace("{kept}", kept).replace("{number}", number) : all;
  }

  function goToApprove() {
    approve.focus();
    say(hint.dataset.approve);
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
      goToApprove();
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
        // A reason belongs to a rejection, or to what is not ticked: no key that follows it may decide the opposite.
        event.preventDefault();
        if (isInPart()) {
          goToApprove();
        } else {
          reject.click();
        }
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
  comment?.addEventListener("focus", () => say(isInPart() ? hint.dataset.part : hint.dataset.reject));
  comment?.addEventListener("blur", () => say(""));

  boxes.forEach((box) => {
    box.addEventListener("change", countBoxes);
    box.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  });
  // Also where the browser has kept what was ticked.
  window.addEventListener("pageshow", countBoxes);

  // A file that is too large would be refused, and what else is typed would get lost on the way.
  const file = document.querySelector("#conversation-file");
  file?.addEventListener("change", () => {
    const isTooLarge = file.files.length > 0 && file.files[0].size > Number(file.dataset.most);
    document.querySelector("#conversation-too-large").hidden = !isTooLarge;
    if (isTooLarge) {
      file.value = "";
    }
  });

  isOn.checked = kept() !== "off";
  isOn.addEventListener("change", () => kept(isOn.checked ? "on" : "off"));
  helpButton.hidden = false;
  helpButton.addEventListener("click", () => help.showModal());

  if (comment?.getAttribute("aria-invalid") === "true") {
    comment.focus();
  }
});
