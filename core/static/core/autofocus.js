// Unfold hides a page until Alpine has drawn it, and a browser gives no focus to what is hidden: so it is given then.
"use strict";

document.addEventListener("alpine:initialized", () => {
  requestAnimationFrame(() => {
    if (document.activeElement === document.body) {
      document.querySelector("[autofocus]")?.focus();
    }
  });
});
