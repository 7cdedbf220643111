// Keeps the page current: takes views from the event stream, writes them into the page that the server made, counts the seconds in
// between, and says so when nothing is heard any more.  All words come from the server; nothing here becomes markup.
"use strict";

(() => {
  const STALE_AFTER = 15;
  const LOST_AFTER = 30;
  const POLL_EVERY = 15_000;
  const FRESH_FOR = 10_000;
  const SVG = "http://www.w3.org/2000/svg";

  const body = document.body;
  const day = body.dataset.day;
  const byId = (id) => document.getElementById(id);
  const field = (root, name) => root.querySelector(`[data-field="${name}"]`);
  const localTime = new Intl.DateTimeFormat(document.documentElement.lang, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const localZone = new Intl.DateTimeFormat(document.documentElement.lang, { timeZoneName: "short" });

  // The server's clock minus this one's, in milliseconds; and when, on a clock that never jumps, something was last heard.
  let skew = Date.parse(body.dataset.generated) - Date.now();
  let heard = performance.now();
  let shown = Date.parse(body.dataset.generated);
  let paused = false;
  let waiting = null;

  const pad = (number) => String(number).padStart(2, "0");

  // The same as the server writes: the two largest units.
  function duration(seconds) {
    const s = Math.max(0, Math.floor(seconds));
    const minutes = Math.floor(s / 60), hours = Math.floor(s / 3600), days = Math.floor(s / 86400);
    if (!minutes) return `${s}\u00a0s`;
    if (!hours) return `${minutes}\u00a0min ${pad(s % 60)}\u00a0s`;
    if (!days) return `${hours}\u00a0h ${pad(minutes % 60)}\u00a0min`;
    return `${days}\u00a0${day} ${pad(hours % 24)}\u00a0h`;
  }

  function put(node, text) {
    if (node && node.textContent !== text) node.textContent = text;
  }

  function element(name, text, attributes = {}) {
    const node = document.createElement(name);
    if (text) node.textContent = text;
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  }

  function shape(state) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("class", "shape");
    svg.setAttribute("aria-hidden", "true");
    const use = document.createElementNS(SVG, "use");
    use.setAttribute("href", `#shape-${state}`);
    svg.append(use);
    return svg;
  }

  // Rewrites a list only when what it shows has changed.
  function list(node, items, make) {
    const key = JSON.stringify(items);
    if (node.dataset.key === key) return;
    node.dataset.key = key;
    node.replaceChildren(...items.map(make));
  }

  const clockText = (at) => localTime.format(Date.parse(at));

  function putTime(node, at) {
    if (!node) return;
    node.setAttribute("datetime", at);
    node.title = at;
    put(node, clockText(at));
  }

  function showVerdict(view) {
    const verdict = byId("verdict");
    verdict.dataset.state = view.state;
    field(verdict, "shape").setAttribute("href", `#shape-${view.state}`);
    put(field(verdict, "verdict"), view.verdict);
    document.title = `${view.verdict} · QClock`;
    if (view.since) {
      putTime(field(verdict, "since-clock"), view.since.at);
      field(verdict, "since").dataset.since = view.since.at;
    }
    list(field(verdict, "exceptions"), view.exceptions.map(({ since, ...rest }) => ({ ...rest, at: since.at })), (item) => {
      const line = element("li", "", { "data-state": item.state });
      line.append(shape(item.state), element("a", item.label, { href: `#check-${item.id}` }), element("strong", item.word),
        element("span", item.summary, { class: "why" }), element("span", "", { class: "for", "data-since": item.at }));
      return line;
    });
  }

  function showTile(view) {
    const tile = byId(`check-${view.id}`);
    if (!tile) return;
    if (tile.dataset.state !== view.state) {
      tile.dataset.state = view.state;
      tile.classList.add("changed");
      setTimeout(() => tile.classList.remove("changed"), FRESH_FOR);
    }
    field(tile, "shape").setAttribute("href", `#shape-${view.state}`);
    put(field(tile, "word"), view.word);
    put(field(tile, "summary"), view.summary);
    putTime(field(tile, "since-clock"), view.since.at);
    field(tile, "since").dataset.since = view.since.at;
    if (view.checked) field(tile, "checked").dataset.since = view.checked.at;
    put(field(tile, "latency"), view.latency ?? "–");
    field(tile, "curve").setAttribute("d", view.curve);
    list(field(tile, "facts"), view.facts, ([label, value]) => {
      const pair = element("div");
      pair.append(element("dt", label), element("dd", value));
      return pair;
    });
    list(field(tile, "parts"), view.parts, (part) => {
      const item = element("li", "", { "data-good": part.good });
      item.append(shape(part.good ? "operational" : "down"), part.name);
      if (part.note) item.append(" ", element("strong", part.note));
      return item;
    });
  }

  function showChanges(changes) {
    byId("no-changes").hidden = changes.length > 0;
    list(field(document, "changes"), changes.map(({ at, ...rest }) => ({ ...rest, at: at.at })), (change) => {
      const line = element("li", "", { "data-state": change.state });
      const time = element("time");
      putTime(time, change.at);
      const what = element("span", "", { class: "what" });
      what.append(element("b", change.label), " ", element("strong", change.word), " ", element("span", change.summary, { class: "why" }));
      line.append(time, shape(change.state), what);
      return line;
    });
  }

  function show(view) {
    shown = Date.parse(view.generated_at);
    showVerdict(view);
    view.tiles.forEach(showTile);
    showChanges(view.changes);
    tick();
  }

  function hear(text) {
    let view;
    try {
      view = JSON.parse(text);
    } catch {
      return;
    }
    skew = Date.parse(view.generated_at) - Date.now();
    heard = performance.now();
    if (paused) waiting = view;
    else show(view);
  }

  function tick() {
    const now = Date.now() + skew;
    const silence = (performance.now() - heard) / 1000;
    for (const node of document.querySelectorAll("[data-since]")) {
      if (node.id !== "age" && !paused) put(node, duration((now - Date.parse(node.dataset.since)) / 1000));
    }
    put(byId("age"), duration((now - shown) / 1000));
    put(byId("clock"), new Date(now).toISOString().slice(11, 19));
    put(byId("local"), `${localTime.format(now)} ${zone(now)}`);
    const lost = byId("lost");
    lost.hidden = silence < STALE_AFTER;
    lost.classList.toggle("covers", silence >= LOST_AFTER);
    body.classList.toggle("stale", silence >= STALE_AFTER);
    put(byId("lost-for"), duration(silence));
  }

  function zone(now) {
    return localZone.formatToParts(now).find((part) => part.type === "timeZoneName")?.value ?? "";
  }

  // Without a stream (too many readers, an old proxy) a question now and then does.
  async function poll() {
    try {
      const answer = await fetch(body.dataset.snapshot, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (answer.ok) hear(await answer.text());
      // The session has ended.  A new one begins when a person wants it: the provider would let this page in again by itself, for ever.
      else if (answer.status === 401) location.replace(body.dataset.ended);
    } catch {
      // The silence shows by itself.
    }
  }

  let stream = null;
  function listen() {
    stream?.close();
    stream = new EventSource(body.dataset.events);
    for (const kind of ["snapshot", "change", "heartbeat"]) stream.addEventListener(kind, (event) => hear(event.data));
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return;
      poll();
      setTimeout(listen, POLL_EVERY * (0.8 + 0.4 * Math.random()));
    });
  }

  function pause() {
    paused = !paused;
    const button = byId("pause");
    button.setAttribute("aria-pressed", String(paused));
    button.querySelector("use").setAttribute("href", paused ? "#play" : "#pause-bars");
    byId("frozen").hidden = !paused;
    if (!paused && waiting) show(waiting);
    waiting = null;
  }

  for (const node of document.querySelectorAll("time[datetime]")) {
    if (node.id !== "clock" && node.closest("main")) putTime(node, node.getAttribute("datetime"));
  }
  const local = new Date();
  byId("local").hidden = local.getTimezoneOffset() === 0;
  byId("pause").hidden = false;
  byId("pause").addEventListener("click", pause);
  // A stream that a sleeping machine has cut is opened anew at once.
  addEventListener("online", listen);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && performance.now() - heard > STALE_AFTER * 1000) listen();
  });
  setInterval(tick, 1000);
  tick();
  listen();
})();
