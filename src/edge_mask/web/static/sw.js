// Shows what this device tells, also while no page is open. All of a message is text, never markup or an address.

const here = (path) => new URL(path, self.registration.scope).href;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("push", (event) => {
  let told = {};
  try { told = event.data?.json() ?? {}; } catch { /* nothing that this device has sent */ }
  event.waitUntil(self.registration.showNotification(String(told.title || "edge_mask"), {
    body: String(told.body || ""),
    tag: String(told.tag || "edge_mask"), // the same one again takes the place of the first
    renotify: true,
    requireInteraction: told.urgent === true,
    icon: here("static/icon-192.png"),
    // The picture stays on the device: only a browser whose user is logged in gets it.
    ...(told.picture ? { image: here(`api/v1/pictures/${encodeURIComponent(told.picture)}`) } : {}),
  }));
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil((async () => {
    const wanted = here("alerts");
    const pages = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const page = pages.find((each) => each.url.startsWith(self.registration.scope));
    if (!page) return self.clients.openWindow(wanted);
    await page.focus();
    return page.navigate?.(wanted);
  })());
});
