// Keeps a page up to date: when the stream tells of something, the page is asked for again and what changed is put in
// its place. The server alone writes texts, numbers and times; without this script the page is the same, but stands still.

const html = document.documentElement;
const kinds = (document.body.dataset.live ?? "").split(" ").filter(Boolean);
const toggle = document.getElementById("live");
const strip = document.getElementById("strip");
const said = document.getElementById("said");
const clock = document.getElementById("clock");
const SLOW = new Set(["reading", "look", "health"]);
const KEY = "edge_mask.live";

// The device's clock goes on here from what the server said; this machine's own may be wrong.
let began = performance.now(), then = Number(html.dataset.now);
const now = () => then + (performance.now() - began) / 1000;
const showing = new Intl.DateTimeFormat(html.lang, { timeZone: zone(), hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const ago = new Intl.RelativeTimeFormat(html.lang, { style: "narrow", numeric: "always" });
let current = now();
let state = "opening", port = null, busy = false, dirty = false, due = 0, last = 0, held = null, erased = false;

function zone() {
  try { Intl.DateTimeFormat("en", { timeZone: html.dataset.zone }); return html.dataset.zone; } catch { return "UTC"; }
}

// -- what the page says of its own state ---------------------------------------------------------------------

function say(kind) {
  strip.hidden = !kind;
  html.dataset.state = kind || "live";
  if (!kind) return;
  strip.classList.toggle("is-good", kind === "back");
  const again = strip.querySelector("a");
  again.hidden = kind === "back";
  again.textContent = kind === "ended" ? strip.dataset.login : strip.dataset.again;
  const text = strip.dataset[kind].replace("{time}", showing.format(current * 1000));
  const place = strip.querySelector("span");
  if (place.textContent !== text) place.textContent = text;
}

// A browser may keep nothing; then the switch holds for this page.
let kept = "on";
const isOn = () => { try { return (localStorage.getItem(KEY) ?? kept) !== "off"; } catch { return kept !== "off"; } };
const keep = (value) => { kept = value; try { localStorage.setItem(KEY, value); } catch { /* for this page only */ } };

function show() {
  tell();
  tick();
}

function tell() {
  toggle.setAttribute("aria-checked", String(isOn()));
  if (state === "ended") say(state);
  else if (!isOn()) say("off");
  else if (state === "lost") say(state);
  else say("");
}

// -- live ----------------------------------------------------------------------------------------------------

function hear({ data }) {
  if (data.heard && data.is !== "lost") current = now();
  if (data.kind === "erased") { erased = true; soon(0); return; }
  if (data.is === "event") { if (kinds.includes(data.kind)) soon(SLOW.has(data.kind) ? 5000 : 150); return; }
  const before = state;
  state = data.is;
  show();
  if (state === "open" && (before === "lost" || before === "ended")) {
    erased = true; // perhaps: nobody tells what was erased meanwhile
    if (isOn()) { say("back"); setTimeout(show, 4000); }
    soon(0);
  }
  else if (state === "open" && dirty) soon(0);
}

function join() {
  if (port) return; // also when nothing is live: what was erased does not stay on any page
  const worker = document.querySelector("script[data-worker]").dataset.worker;
  const address = new URL(worker, location.href);
  try {
    const shared = new SharedWorker(address, { type: "module", name: "edge_mask" });
    shared.onerror = () => alone(address);
    port = shared.port;
  } catch { alone(address); return; }
  port.onmessage = hear;
  port.postMessage("join");
}

// Without shared workers each page has a stream of its own, and only while it is seen: six are all that a browser opens.
async function alone(address) {
  const module = await import(address);
  const channel = new MessageChannel();
  module.join(channel.port1);
  port = channel.port2;
  port.onmessage = hear;
  const seen = () => port?.postMessage(document.hidden ? "leave" : "join");
  document.addEventListener("visibilitychange", seen);
  seen();
}

function leave() {
  port?.postMessage("leave");
  port?.close?.();
  port = null;
  state = "opening";
}

function soon(delay) {
  dirty = true;
  if (document.hidden || !(isOn() || erased)) return;
  const at = Math.max(performance.now() + delay, last + 1000);
  if (due && due.at <= at) return;
  if (due) clearTimeout(due.timer);
  due = { at, timer: setTimeout(refresh, at - performance.now()) };
}

// Somebody may turn the switch while an answer is on its way.
const isWanted = () => !kinds.length || isOn() || erased;

async function refresh() {
  due = 0;
  if (!isWanted()) return;
  if (busy) { soon(300); return; }
  busy = true;
  last = performance.now();
  try {
    const answer = await fetch(location.href, { cache: "no-store", headers: { accept: "text/html" } });
    if (answer.redirected && new URL(answer.url).pathname !== location.pathname) {
      if (!kinds.length) { location.reload(); return; }
      state = "ended";
      show();
      return;
    }
    if (answer.status === 404) { gone(new DOMParser().parseFromString(await answer.text(), "text/html")); return; }
    if (!answer.ok) return;
    const text = await answer.text();
    if (!isWanted()) return;
    dirty = false;
    take(new DOMParser().parseFromString(text, "text/html"));
  } catch { /* the stream tells that the connection is lost */ } finally { busy = false; }
}

// What the page showed was erased: none of it stays.
function gone(next) {
  dirty = erased = false;
  document.querySelector("main").replaceChildren(...next.querySelector("main").childNodes);
  document.title = next.title;
}

function take(next) {
  const script = "script[data-worker]";
  const version = next.querySelector(script)?.getAttribute("src");
  if ("waits" in document.body.dataset && !("waits" in next.body.dataset)) { location.reload(); return; }
  if (version && version !== document.querySelector(script).getAttribute("src")) { location.reload(); return; }
  held = null;
  const news = isHandled() && !erased ? newcomers(next) : 0; // what was erased does not stay under the hand either
  erased = false;
  strips(news);
  if (news) held = next;
  const spoken = new Map([...document.querySelectorAll("[data-say]")].map((each) => [each.id, each.dataset.say]));
  for (const part of document.querySelectorAll(held ? "[data-part]:not([data-hold])" : "[data-part]")) {
    const fresh = next.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    if (fresh) morph(part, fresh);
  }
  document.title = next.title;
  began = performance.now();
  then = Number(next.documentElement.dataset.now);
  current = then;
  for (const each of document.querySelectorAll("[data-say]")) {
    if (spoken.get(each.id) !== each.dataset.say) said.textContent = each.dataset.say;
  }
  tick();
}

// -- a list does not move under the hand: what is new waits until it is left, or asked for ---------------------

const lists = () => document.querySelectorAll("[data-hold]");
const canHover = matchMedia("(hover: hover)").matches;
const isHandled = () => [...lists()].some((each) => each.matches(canHover ? ":hover, :focus-within" : ":focus-within"));

const countOf = (each) => Number(each.dataset.count ?? 1); // one card may stand for many

function newcomers(next) {
  const known = new Map([...document.querySelectorAll("[data-hold] [id]")].map((each) => [idOf(each), countOf(each)]));
  return [...next.querySelectorAll("[data-hold] :is(li, tr)[id]")]
    .reduce((sum, each) => sum + Math.max(0, countOf(each) - (known.get(idOf(each)) ?? 0)), 0);
}

function strips(count) {
  const strip = document.getElementById("held");
  if (!strip) return;
  strip.hidden = !count;
  strip.textContent = strip.dataset.text.replace("{count}", count);
}

function release() {
  if (!held) return;
  strips(0);
  for (const part of lists()) {
    const fresh = held.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
    if (fresh) morph(part, fresh);
  }
  held = null;
}

// -- putting what changed in its place: what stays keeps its focus, its opened table and its picture -----------

// Of a form that has a field "id", `id` is that field.
const idOf = (each) => each.getAttribute?.("id") ?? "";

function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || idOf(old) !== idOf(fresh)) {
    old.replaceWith(document.importNode(fresh, true));
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !(name === "open" && old.nodeName === "DETAILS")) old.removeAttribute(name);
  }
  children(old, fresh);
}

function children(old, fresh) {
  const named = new Map([...old.children].filter(idOf).map((each) => [idOf(each), each]));
  let place = old.firstChild;
  for (const next of fresh.childNodes) {
    const same = named.get(idOf(next));
    if (same && same !== place) old.insertBefore(same, place);
    if (same) {
      place = same.nextSibling;
      morph(same, next);
    } else if (place && !idOf(next) && !idOf(place) && place.nodeName === next.nodeName) {
      const here = place;
      place = place.nextSibling;
      morph(here, next);
    } else old.insertBefore(document.importNode(next, true), place);
  }
  while (place) {
    const gone = place;
    place = place.nextSibling;
    gone.remove();
  }
}

// -- time that passes ----------------------------------------------------------------------------------------

function tick() {
  const at = now();
  if (clock) clock.textContent = showing.format(at * 1000);
  for (const gate of document.querySelectorAll("[data-fresh-until]")) {
    gate.classList.toggle("is-old", at > Number(gate.dataset.freshUntil) || ["lost", "ended"].includes(html.dataset.state));
  }
  for (const each of document.querySelectorAll("[data-ago]")) {
    const text = since(Math.max(0, Math.round(at - Number(each.dataset.ago))));
    if (each.textContent !== text) each.textContent = text;
  }
}

function since(seconds) {
  if (seconds < 60) return ago.format(-seconds, "second");
  if (seconds < 3600) return ago.format(-Math.floor(seconds / 60), "minute");
  return seconds < 86400 ? ago.format(-Math.floor(seconds / 3600), "hour") : "";
}

// -- begin ---------------------------------------------------------------------------------------------------

tick();
setInterval(tick, 1000);

const menu = document.querySelector(".menu");
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu?.open) { menu.open = false; menu.querySelector("summary").focus(); }
});
document.addEventListener("click", (event) => { if (menu?.open && !menu.contains(event.target)) menu.open = false; });

if (kinds.length) {
  document.getElementById("held")?.addEventListener("click", () => { document.getElementById("main").focus({ preventScroll: true }); release(); });
  for (const each of lists()) {
    for (const left of ["pointerleave", "focusout"]) each.addEventListener(left, () => setTimeout(() => isHandled() || release()));
  }
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    keep(isOn() ? "off" : "on");
    switched();
  });
  addEventListener("storage", (event) => { if (event.key === KEY) switched(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && dirty) soon(0); });
  addEventListener("pagehide", leave);
  addEventListener("pageshow", (event) => { if (event.persisted) { erased = true; join(); soon(0); } });
  show();
  join();
}

// In safe mode nothing streams: such a page asks for itself, and is another one when the configuration is right.
if ("waits" in document.body.dataset) setInterval(() => { if (!document.hidden) refresh(); }, 2000);

function switched() {
  if (isOn()) soon(0); else current = now();
  show();
}
