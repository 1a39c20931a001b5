// The definition editor: tabs, line numbers, and checking while typing.
"use strict";

(() => {
  const PAUSE = 400;

  // ---- tabs; without scripts the views are shown below each other

  function openTabs(box) {
    const panels = [...box.querySelectorAll(":scope > .k-tab")];
    const list = document.createElement("div");
    list.className = "k-tablist";
    list.setAttribute("role", "tablist");
    list.setAttribute("aria-label", box.getAttribute("aria-label"));
    box.removeAttribute("aria-label");
    const tabs = panels.map((panel) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.id = `${panel.id}-tab`;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-controls", panel.id);
      tab.textContent = panel.dataset.title;
      panel.setAttribute("role", "tabpanel");
      panel.setAttribute("aria-labelledby", tab.id);
      list.append(tab);
      return tab;
    });

    function show(index) {
      tabs.forEach((tab, number) => {
        const isShown = number === index;
        tab.setAttribute("aria-selected", String(isShown));
        tab.tabIndex = isShown ? 0 : -1;
        panels[number].hidden = !isShown;
      });
      box.dispatchEvent(new CustomEvent("tab-shown"));
    }

    list.addEventListener("click", (event) => {
      const index = tabs.indexOf(event.target.closest("[role=tab]"));
      if (index >= 0) {
        show(index);
      }
    });
    list.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) {
        const index = (tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length;
        show(index);
        tabs[index].focus();
      }
    });
    box.classList.add("k-has-tabs");
    box.prepend(list);
    const wanted = panels.findIndex((panel) => panel.id === `tab-${box.dataset.tabs}`);
    show(Math.max(wanted, 0));
    return (id) => show(panels.findIndex((panel) => panel.id === id));
  }

  // ---- numbered lines

  function numberLines(area, gutter) {
    let count = 0;
    let marked = new Set();

    function draw() {
      const lines = area.value.split("\n").length;
      for (; count < lines; count += 1) {
        const line = document.createElement("span");
        line.textContent = count + 1;
        line.classList.toggle("k-faulty", marked.has(count + 1));
        gutter.append(line);
      }
      for (; count > lines; count -= 1) {
        gutter.lastElementChild.remove();
      }
      gutter.scrollTop = area.scrollTop;
    }

    function mark(lines) {
      marked = new Set(lines);
      [...gutter.children].forEach((line, index) => line.classList.toggle("k-faulty", marked.has(index + 1)));
    }

    area.addEventListener("input", draw);
    area.addEventListener("scroll", () => {
      gutter.scrollTop = area.scrollTop;
    });
    draw();
    return { draw, mark };
  }

  function goTo(area, line, column) {
    const lines = area.value.split("\n");
    const before = lines.slice(0, line - 1).reduce((length, text) => length + text.length + 1, 0);
    const start = before + Math.max(column - 1, 0);
    area.focus();
    area.setSelectionRange(column ? start : before, before + (lines[line - 1] || "").length);
    const height = parseFloat(getComputedStyle(area).lineHeight);
    area.scrollTop = Math.max(0, (line - 5) * height);
    area.scrollLeft = 0;
  }

  // ---- checking while typing

  function checkAsOneTypes(box, form, area, numbers) {
    const faults = document.getElementById("schema-faults");
    const unchecked = document.getElementById("schema-unchecked");
    const unreachable = document.getElementById("schema-unreachable");
    const preview = document.getElementById("tab-preview");
    let timer = null;
    let asked = null;
    let isPreviewOld = true;

    function took(answer) {
      Object.entries(answer.parts).forEach(([name, html]) => {
        const part = document.querySelector(`[data-part="${name}"]`);
        if (part) {
          part.innerHTML = html;
          part.dispatchEvent(new CustomEvent("kf:added", { bubbles: true }));
        }
      });
      numbers.mark(answer.lines);
      area.setAttribute("aria-invalid", String(answer.lines.length > 0));
    }

    async function check() {
      if (asked) {
        asked.abort();
      }
      const mine = new AbortController();
      asked = mine;
      const body = new FormData(form);
      isPreviewOld = preview.hidden;
      if (!preview.hidden) {
        body.append("preview", "yes");
      }
      try {
        const response = await fetch(form.dataset.check, {
          method: "POST",
          body,
          credentials: "same-origin",
          headers: { Accept: "application/json" },
          signal: mine.signal,
        });
        const type = response.headers.get("Content-Type") || "";
        if (!response.ok || !type.startsWith("application/json")) {
          throw new Error(String(response.status));
        }
        took(await response.json());
        unreachable.hidden = true;
      } catch (error) {
        if (error.name === "AbortError") {
          return;
        }
        unreachable.hidden = false;
      }
      if (asked === mine) {
        unchecked.hidden = true;
      }
    }

    area.addEventListener("input", () => {
      unchecked.hidden = false;
      window.clearTimeout(timer);
      timer = window.setTimeout(check, PAUSE);
    });
    area.addEventListener("keydown", (event) => {
      // Tab inserts two spaces. After Escape it moves the focus as usual, so that keyboard users are not trapped.
      if (event.key === "Escape") {
        area.dataset.leaves = "yes";
      } else if (event.key === "Tab" && !event.shiftKey && !area.dataset.leaves) {
        event.preventDefault();
        area.setRangeText("  ", area.selectionStart, area.selectionEnd, "end");
        area.dispatchEvent(new Event("input"));
      } else if (event.key !== "Tab") {
        delete area.dataset.leaves;
      }
    });
    box.addEventListener("tab-shown", () => {
      if (isPreviewOld && !preview.hidden) {
        check();
      }
    });
    const marked = [...faults.querySelectorAll("[data-line]")].map((link) => Number(link.dataset.line));
    numbers.mark(marked);
    area.setAttribute("aria-invalid", String(marked.length > 0));
  }

  function warnOfLoss(form, area) {
    const saved = area.defaultValue;
    let isSent = false;
    form.addEventListener("submit", () => {
      isSent = true;
    });
    window.addEventListener("beforeunload", (event) => {
      if (!isSent && area.value !== saved) {
        event.preventDefault();
      }
    });
  }

  document.addEventListener("DOMContentLoaded", () => {
    const box = document.querySelector("[data-tabs]");
    const area = document.getElementById("definition");
    if (!box || !area) {
      return;
    }
    const show = openTabs(box);
    const numbers = numberLines(area, document.querySelector(".k-gutter"));
    box.addEventListener("tab-shown", numbers.draw);
    document.addEventListener("click", (event) => {
      const link = event.target.closest("a[data-line]");
      if (link) {
        event.preventDefault();
        show("tab-text");
        goTo(area, Number(link.dataset.line), Number(link.dataset.column || 0));
      }
    });
    const form = document.getElementById("schema-form");
    if (form && form.dataset.check) {
      checkAsOneTypes(box, form, area, numbers);
      warnOfLoss(form, area);
    }
  });
})();
