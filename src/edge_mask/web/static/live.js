// One stream of events for all tabs of this browser. It runs as a shared worker; where there is none, in each page.
//
//   server ──events──▶ source ──▶ ports: {is: "open" | "lost" | "ended" | "event", …} ──▶ pages
//
// A page is told what happened, never what to show: it asks the server for itself again.

const KINDS = ["visit", "alert", "look", "reading", "fault", "health", "erased"];
const SIGNS = ["hello", "here", ...KINDS];
const SILENCE = 50_000; // the server says something at least every fifteen seconds
const LONGEST = 15_000;

const stream = new URL("../api/v1/events", import.meta.url).href;
const ports = new Set();
let source = null;
let state = "opening";
let heard = Date.now();
let wait = 1000;
let timer = 0;

const tell = (message) => ports.forEach((port) => port.postMessage(message));

function become(next) {
  if (next === state) return;
  state = next;
  tell({ is: state, heard });
}

function open() {
  clearTimeout(timer);
  source?.close();
  heard = Math.max(heard, 0);
  source = new EventSource(stream);
  source.onopen = () => { sign(); wait = 1000; become("open"); };
  source.onerror = () => {
    if (state !== "ended") become("lost");
    if (source.readyState === EventSource.CLOSED) again();
  };
  for (const kind of SIGNS) source.addEventListener(kind, (event) => { sign(); if (KINDS.includes(kind)) tell({ is: "event", kind, id: event.lastEventId, heard }); });
}

function sign() { heard = Date.now(); }

// The browser tries again by itself after a cut, but never after an answer such as 401 or 502.
async function again() {
  source.close();
  try {
    const answer = await fetch(new URL("../api/v1/status", import.meta.url), { cache: "no-store" });
    if (answer.status === 401 || answer.status === 403) { become("ended"); return; }
  } catch { /* not there: that is why we wait */ }
  timer = setTimeout(open, wait);
  wait = Math.min(LONGEST, wait * 2);
}

// A network that just falls silent cuts nothing: who hears nothing for long has lost the connection.
setInterval(() => {
  if (!ports.size || state === "ended" || Date.now() - heard < SILENCE) return;
  if (state === "open") become("lost");
  open();
}, 5000);

export function join(port) {
  port.onmessage = ({ data }) => {
    if (data === "leave") {
      ports.delete(port);
      if (!ports.size) { clearTimeout(timer); source?.close(); source = null; state = "opening"; }
    } else if (data === "retry" || !ports.has(port)) {
      ports.add(port);
      if (!source || data === "retry" || state === "ended") { state = "opening"; heard = Date.now(); open(); }
      else port.postMessage({ is: state, heard });
    }
  };
}

self.onconnect = (event) => join(event.ports[0]);
self.addEventListener("online", () => { if (ports.size && state !== "open") open(); });
