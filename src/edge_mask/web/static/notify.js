// "Notify me here": asks the browser, subscribes it at its push service, and tells this device where.

const box = document.getElementById("notify");
const begin = document.getElementById("notify-on");
const end = document.getElementById("notify-off");
const why = document.getElementById("notify-why");
const { worker, key, place } = box.dataset;
const isApple = /iPhone|iPad|iPod/.test(navigator.userAgent);
const isInstalled = matchMedia("(display-mode: standalone)").matches || navigator.standalone === true;

function show(state, reason = "") {
  for (const each of box.querySelectorAll("[data-state]")) each.hidden = each.dataset.state !== state;
  begin.hidden = state !== "off" && state !== "failed";
  end.hidden = state !== "on";
  why.hidden = !reason;
  why.textContent = reason;
}

async function told(method, body) {
  const answer = await fetch(place, {
    method, headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  if (answer.ok || (method === "DELETE" && answer.status === 404)) return;
  const problem = await answer.json().catch(() => ({}));
  throw new Error(problem.detail ?? `${answer.status} ${answer.statusText}`);
}

function bytes(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

async function subscribe() {
  if (await Notification.requestPermission() !== "granted") return look();
  const answer = await fetch(key);
  if (!answer.ok) throw new Error((await answer.json()).detail);
  const applicationServerKey = bytes((await answer.json()).key);
  await navigator.serviceWorker.register(worker);
  const registered = await navigator.serviceWorker.ready;
  const old = await registered.pushManager.getSubscription();
  if (old && !same(old.options.applicationServerKey, applicationServerKey)) await old.unsubscribe(); // another device's
  const made = await registered.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey });
  await told("POST", made.toJSON());
  location.reload();
}

function same(buffer, wanted) {
  const found = new Uint8Array(buffer ?? new ArrayBuffer(0));
  return found.length === wanted.length && found.every((each, index) => each === wanted[index]);
}

async function unsubscribe() {
  const registered = await navigator.serviceWorker.ready;
  const made = await registered.pushManager.getSubscription();
  if (made) {
    await told("DELETE", { endpoint: made.endpoint });
    await made.unsubscribe();
  }
  location.reload();
}

async function look() {
  if (!isSecureContext) return show("insecure");
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) {
    return show(isApple && !isInstalled ? "home_screen" : "unsupported");
  }
  if (Notification.permission === "denied") return show("denied");
  const registered = await navigator.serviceWorker.getRegistration(worker);
  const made = await registered?.pushManager.getSubscription();
  show(made && Notification.permission === "granted" ? "on" : "off");
}

async function attempt(work) {
  begin.disabled = end.disabled = true;
  try { await work(); } catch (error) { show("failed", error.message); } finally { begin.disabled = end.disabled = false; }
}

begin.addEventListener("click", () => attempt(subscribe));
end.addEventListener("click", () => attempt(unsubscribe));
attempt(look);
