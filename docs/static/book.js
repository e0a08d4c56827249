// What the theme leaves undone for keyboards and screen readers.
"use strict";

// Code, tables and formulas that scroll sideways can be reached, and then scrolled, by keyboard.
function reachable(box) {
  if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

document.addEventListener("DOMContentLoaded", () => {
  const watch = new ResizeObserver((entries) => entries.forEach((entry) => reachable(entry.target)));
  document.querySelectorAll("pre, .table-wrapper, div.math").forEach((box) => watch.observe(box));

  // The name of a fold is the text it shows, not a second one.
  document.querySelectorAll("details > summary[aria-label]").forEach((fold) => fold.removeAttribute("aria-label"));
});
