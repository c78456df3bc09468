// Refreshes the view in place, and sends a form only once. The page works without it.
"use strict";

const main = document.getElementById("main");
const pause = document.getElementById("pause");
const refreshed = document.getElementById("refreshed");
const seconds = Number(main.dataset.refresh || 0);
let paused = false;

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    for (const button of form.querySelectorAll("button")) button.disabled = true;
  });
}
// A page that comes back by the history has its buttons again.
window.addEventListener("pageshow", () => {
  for (const button of document.querySelectorAll("form[data-once] button")) button.disabled = false;
});

function isInUse() {
  const selection = document.getSelection();
  const field = document.activeElement && document.activeElement.matches("input, select, textarea");
  return document.hidden || paused || field || (selection && !selection.isCollapsed);
}

// What has the focus, and how far each region is scrolled, stays as it was.
function exchange(fresh) {
  const focused = main.contains(document.activeElement) ? document.activeElement : null;
  const same = (element) => focused && element.tagName === focused.tagName && element.href === focused.href &&
    element.getAttribute("aria-label") === focused.getAttribute("aria-label");
  const scrolled = [...main.querySelectorAll(".scroll")].map((region) => [region.ariaLabel, region.scrollLeft]);
  main.replaceChildren(...fresh.childNodes);
  for (const [label, left] of scrolled) {
    const region = [...main.querySelectorAll(".scroll")].find((each) => each.ariaLabel === label);
    if (region) region.scrollLeft = left;
  }
  const heir = [...main.querySelectorAll("a, .scroll")].find(same);
  if (heir) heir.focus({preventScroll: true});
}

async function refresh() {
  if (isInUse()) return;
  try {
    const answer = await fetch(location.href, {cache: "no-store"});
    if (answer.status === 401) return location.reload();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("main");
    if (!isInUse()) exchange(fresh);
    refreshed.textContent = "";
  } catch (error) {
    refreshed.textContent = `Not refreshed: ${error.message}. The figures are old.`;
  }
}

if (seconds) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
  });
  setInterval(refresh, seconds * 1000);
}
