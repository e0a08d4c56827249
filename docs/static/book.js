// What the theme and the tools leave undone: for phones, keyboards and screen readers.
"use strict";

// What scrolls sideways (code, tables, formulas, figures) can be reached, and then scrolled, by keyboard.
function reachable(box) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
  fade(box);
}

// It fades out at the right, until its end is in view: phones show no scroll bar.
function fade(box) {
  box.classList.toggle("more", box.scrollLeft + box.clientWidth < box.scrollWidth - 1);
}

// MathJax does not break a line inside a formula of the text: one wider than its column has to scroll.
function fit(formula) {
  let column = formula.parentElement;
  while (getComputedStyle(column).display === "inline") column = column.parentElement;
  const drawn = formula.querySelector("mjx-container");
  formula.classList.toggle("wide", drawn !== null && drawn.offsetWidth > column.clientWidth);
}

document.addEventListener("DOMContentLoaded", async () => {
  // The name of a fold is the text that it shows, not a second one.
  document.querySelectorAll("summary[aria-label]").forEach((fold) => fold.removeAttribute("aria-label"));
  // A list has items: Sphinx gives the entries of a bibliography a role that is given up.
  document.querySelectorAll(".citation-list > .citation").forEach((entry) => entry.setAttribute("role", "listitem"));

  // The entry of this page is in view, however long the list.
  const here = document.querySelector(".sidebar-tree .current-page");
  here?.closest(".sidebar-scroll")?.scrollTo(0, Math.max(0, here.offsetTop - innerHeight / 2));

  // Code can be copied, where the browser lets a page write to the clipboard.
  for (const code of navigator.clipboard ? document.querySelectorAll(".cell_input pre") : []) {
    const button = document.createElement("button");
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.innerText);
      button.textContent = "Copied";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    code.parentElement.append(button);
  }

  // A figure opens alone, where a phone can enlarge it.
  for (const picture of document.querySelectorAll(".cell_output figure > img")) {
    const link = document.createElement("a");
    link.href = picture.src;
    link.className = "enlarge";
    picture.replaceWith(link);
    link.append(picture);
  }

  // A search result quotes its page as it was before MathJax: leave the formulas out.
  if (typeof Search === "object") {
    const quote = Search.htmlToText;
    Search.htmlToText = (page, anchor) => quote(page.replace(/\\\([^]*?\\\)|\\\[[^]*?\\\]/g, "…"), anchor);
  }

  await window.MathJax?.startup.promise;

  const formulas = document.querySelectorAll("span.math");
  // A mark behind a formula stays on its line.
  for (const formula of formulas) {
    const text = formula.nextSibling, mark = /^[.,;:!?)’”]+/.exec(text?.data ?? "")?.[0];
    if (!mark) continue;
    const together = document.createElement("span");
    together.className = "together";
    formula.before(together);
    together.append(formula, mark);
    text.data = text.data.slice(mark.length);
  }
  const boxes = document.querySelectorAll(
    "pre, .table-wrapper, .math, div:has(> .dae-table), .enlarge, .dae-slide",
  );
  for (const box of boxes) box.addEventListener("scroll", () => fade(box), {passive: true});
  const measure = () => {
    formulas.forEach(fit);
    boxes.forEach(reachable);
  };
  new ResizeObserver(() => requestAnimationFrame(measure)).observe(document.querySelector("article"));
});
