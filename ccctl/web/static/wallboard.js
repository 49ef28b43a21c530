// The wallboard: keeps the picture of the live feed and draws it. All text goes in as text, never as HTML.

import { Feed } from "./feed.js";
import { seconds, serviceLevel, span, staffLevel, stateWords, waitLevel, worst } from "./levels.js";

const TURN_MS = 10000;
// What is counted together: [name, words, states].
const GROUPS = [
  ["ready", "Ready", ["ready"]],
  ["talking", "Talking", ["talking", "held", "consulting"]],
  ["ringing", "Ringing", ["reserved", "ringing", "whisper"]],
  ["wrapup", "Wrap-up", ["wrapup"]],
  ["paused", "Paused", ["paused"]],
  ["not_responding", "No answer", ["not_responding", "unreachable"]],
  ["direct_call", "Other call", ["direct_call"]],
];
const TALKING = GROUPS[1][2];
const MISSING = GROUPS[5][1];
const WORDS = {
  ready: "Ready",
  reserved: "Kept free",
  ringing: "Ringing",
  whisper: "Announcement",
  talking: "Talking",
  held: "On hold",
  consulting: "Consulting",
  wrapup: "Wrap-up",
  paused: "Paused",
  not_responding: "No answer",
  direct_call: "Other call",
  unreachable: "No phone",
};
const ORDER = [
  "not_responding", "unreachable", "reserved", "ringing", "whisper", "talking", "held", "consulting",
  "wrapup", "direct_call", "ready", "paused",
];

const byId = (id) => document.getElementById(id);
const board = byId("queues");
const panel = byId("agents");
const only = new Set((new URLSearchParams(location.search).get("queues") || "").split(",").filter(Boolean));

let picture = {};
let dirty = true;
let page = 0;
let held = false;
let turned = performance.now();

// -- the feed ---------------------------------------------------------------------------------

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const feed = new Feed(`${scheme}//${location.host}/api/v1/live`, {
  picture(snapshot) {
    picture = snapshot;
    dirty = true;
  },
  change(set, gone) {
    Object.assign(picture, set);
    for (const key of gone) delete picture[key];
    dirty = true;
  },
  up() {
    document.body.dataset.link = "up";
    write(byId("link"), "live");
    byId("lost").hidden = true;
  },
  lost(since) {
    if (document.body.dataset.link === "lost") return;
    document.body.dataset.link = "lost";
    write(byId("link"), "not connected");
    write(byId("lost"), `Connection lost since ${clock(since, true)}, figures are old. Trying again.`);
    byId("lost").hidden = false;
    draw(); // once more, in the room that the banner leaves
  },
});

// -- drawing ----------------------------------------------------------------------------------

function objects(noun) {
  return Object.entries(picture).filter(([key]) => key.startsWith(`${noun}/`)).map(([, value]) => value);
}

function byTitle(a, b) {
  return a.title.localeCompare(b.title, undefined, { sensitivity: "base", numeric: true });
}

function shownQueues() {
  return objects("queue").filter((queue) => only.size === 0 || only.has(queue.name)).sort(byTitle);
}

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function field(tile, name, text) {
  write(tile.querySelector(`[data-field="${name}"]`), text);
}

function clock(at, withSeconds = false) {
  const style = { hour: "2-digit", minute: "2-digit", hour12: false };
  return new Date(at).toLocaleTimeString([], withSeconds ? { ...style, second: "2-digit" } : style);
}

function percent(element, value) {
  element.replaceChildren(value === null ? "–" : String(Math.floor(value)));
  if (value !== null) element.append(Object.assign(document.createElement("small"), { textContent: "%" }));
}

function judge(queue, now) {
  const today = queue.today;
  const wait = queue.oldest === null ? null : now - queue.oldest;
  return {
    wait,
    oldest: waitLevel(wait, today.sl_ms),
    sl: serviceLevel(today.sl, today.sl_percent),
    staff: staffLevel(queue.waiting, queue.agents),
  };
}

function newTile(name) {
  const tile = byId("tile").content.firstElementChild.cloneNode(true);
  tile.dataset.queue = name;
  return tile;
}

// The parts that change only with the picture.
function fillTile(tile, queue) {
  const { today, agents } = queue;
  tile.setAttribute("aria-label", queue.title);
  field(tile, "title", queue.title);
  field(tile, "waiting", String(queue.waiting));
  const back = tile.querySelector('[data-field="callbacks"]');
  back.hidden = !queue.callbacks;
  write(back, queue.callbacks ? `${queue.callbacks} to call back` : "");
  field(tile, "answered", String(today.answered));
  field(tile, "abandoned", String(today.abandoned));
  percent(tile.querySelector('[data-field="sl"]'), today.sl);
  field(tile, "promise", `Today, target ${today.sl_percent} % in ${seconds(today.sl_ms)} (${today.sl_preset})`);
  const many = GROUPS.map(([, word, states]) => [word, states.reduce((sum, state) => sum + (agents[state] || 0), 0)]);
  many.sort((a, b) => (b[0] === MISSING) - (a[0] === MISSING)); // what is last may be cut off
  const parts = many.filter(([, n]) => n > 0).map(([word, n]) => `${n} ${word.toLowerCase()}`);
  field(tile, "staff", parts.length ? `Agents: ${parts.join(", ")}` : "Agents: none logged in");
}

// The parts that change with time.
function tick(tile, queue, now) {
  const levels = judge(queue, now);
  field(tile, "oldest", levels.wait === null ? "–" : span(levels.wait));
  field(tile, "state", stateWords(levels, queue.waiting));
  tile.dataset.level = worst(levels.oldest, levels.sl, levels.staff);
  for (const [name, level] of [["oldest", levels.oldest], ["sl", levels.sl], ["waiting", levels.staff]]) {
    tile.querySelector(`[data-figure="${name}"]`).dataset.level = level;
  }
}

function isScrolling() {
  return getComputedStyle(document.body).overflowY === "visible";
}

const TILE = { width: 62, height: 28 }; // the least that figures of 6 to 7 vh need, in vh
const GAP = 1.3;

function fits(pixels, least) {
  const unit = window.innerHeight / 100;
  return Math.max(1, Math.floor((pixels / unit + GAP) / (least + GAP)));
}

// How many tiles the board holds with figures that can be read from five metres.
function measure(count) {
  if (isScrolling()) return { columns: 1, rows: Math.max(1, count), room: Infinity };
  const columns = fits(board.clientWidth, TILE.width);
  const rows = fits(board.clientHeight, TILE.height);
  const used = count <= Math.min(3, rows) ? 1 : columns;
  return { columns: used, rows: Math.min(rows, Math.max(1, Math.ceil(count / used))), room: columns * rows };
}

// More queues than fit take turns; then a line names those in trouble that are not in sight.
function arrange(count) {
  const line = byId("attention");
  line.hidden = true;
  const whole = measure(count);
  if (count <= whole.room) return whole;
  line.hidden = false;
  return measure(count);
}

function drawQueues(queues, pages, { columns, rows, room }) {
  const at = room === Infinity ? 0 : (page % pages) * room;
  const shown = queues.slice(at, room === Infinity ? undefined : at + room);
  const old = new Map([...board.children].map((tile) => [tile.dataset.queue, tile]));
  const tiles = shown.map((queue) => old.get(queue.name) || newTile(queue.name));
  if (tiles.length !== board.children.length || tiles.some((tile, n) => tile !== board.children[n])) {
    board.replaceChildren(...tiles);
  }
  board.style.setProperty("--columns", columns);
  board.style.setProperty("--rows", rows);
  shown.forEach((queue, n) => fillTile(tiles[n], queue));
  byId("empty").hidden = queues.length > 0;
  return shown;
}

function element(tag, name, text) {
  return Object.assign(document.createElement(tag), { className: name, textContent: text });
}

function person(agent) {
  const row = element("li", "person", "");
  row.dataset.presence = agent.presence;
  row.dataset.agent = agent.name;
  row.dataset.since = agent.since;
  row.toggleAttribute("data-over", Boolean(agent.over));
  const paused = agent.over ? `${agent.reason}, too long` : agent.reason;
  const detail = agent.presence === "paused" ? paused : queueTitle(agent.queue) || pausedIn(agent);
  const words = element("div", "", "");
  words.append(
    element("p", "person-name", agent.title),
    element("p", "person-state", [WORDS[agent.presence], detail].filter(Boolean).join(", ")),
  );
  words.style.minWidth = "0";
  row.append(words, element("p", "person-time", ""));
  return row;
}

function pausedIn(agent) {
  const names = Object.keys(agent.paused_in || {});
  return names.length ? `not for ${names.map(queueTitle).join(", ")}` : "";
}

function queueTitle(name) {
  const queue = picture[`queue/${name}`];
  return queue ? queue.title : name;
}

function counts(agents) {
  const list = element("dl", "counts", "");
  for (const [name, word, states] of GROUPS) {
    const n = agents.filter((agent) => states.includes(agent.presence)).length;
    if (n === 0 && name === "direct_call") continue; // two rows of three, as long as they do
    const box = document.createElement("div");
    box.dataset.state = name;
    box.toggleAttribute("data-zero", n === 0);
    box.append(element("dt", "", word), element("dd", "", String(n)));
    list.append(box);
  }
  return list;
}

function shownAgents() {
  const mine = (agent) => only.size === 0 || agent.queues.some((name) => only.has(name));
  return objects("agent").filter(mine);
}

function drawAgents(agents) {
  const present = agents
    .filter((agent) => agent.presence !== "offline")
    .sort((a, b) => ORDER.indexOf(a.presence) - ORDER.indexOf(b.presence) || byTitle(a, b));
  const list = element("ul", "people", "");
  const away = element("p", "away", agents.length === 0 ? "No agents are set up." : `${agents.length - present.length} offline`);
  panel.replaceChildren(counts(agents), list, away);
  const room = isScrolling() ? present.length : Math.max(1, Math.floor(list.clientHeight / (6 * window.innerHeight / 100)));
  const pages = Math.max(1, Math.ceil(present.length / Math.max(1, room)));
  const at = (page % pages) * room;
  list.append(...present.slice(at, at + room).map(person));
  if (pages > 1) away.textContent += `, agents ${at + 1}–${Math.min(at + room, present.length)} of ${present.length}`;
  return pages;
}

function drawTotals(queues, agents) {
  const total = {
    waiting: queues.reduce((sum, queue) => sum + queue.waiting, 0),
    callbacks: queues.reduce((sum, queue) => sum + queue.callbacks, 0),
    ready: agents.filter((agent) => agent.presence === "ready").length,
    talking: agents.filter((agent) => TALKING.includes(agent.presence)).length,
  };
  for (const [name, n] of Object.entries(total)) write(document.querySelector(`[data-total="${name}"]`), String(n));
  document.querySelector('[data-total="callbacks"]').parentElement.hidden = total.callbacks === 0;
}

function drawSystem() {
  const system = picture.system || {};
  const down = system.asterisk === "down";
  byId("down").hidden = !down;
  if (down) write(byId("down"), `Asterisk does not answer${system.detail ? `: ${system.detail}` : ""}. Figures stand still until it is back.`);
}

// Queues in trouble that are on another page must be seen all the same, the longest wait first.
function drawAttention(queues, shown, now) {
  const line = byId("attention");
  if (line.hidden) return;
  const trouble = queues.filter((queue) => !shown.includes(queue)).map((queue) => ({ queue, levels: judge(queue, now) }))
    .filter(({ levels }) => worst(levels.oldest, levels.staff) === "bad")
    .sort((a, b) => b.levels.wait - a.levels.wait);
  const words = trouble.map(({ queue, levels }) => `${queue.title} ${span(levels.wait)} (${queue.waiting} waiting)`);
  line.toggleAttribute("data-calm", words.length === 0);
  write(line, words.length ? `■ Elsewhere ${words.length}: ${words.join(", ")}` : "● Other pages: nobody waits too long");
}

function drawPage(queues, queuePages, agentPages) {
  const pages = Math.max(queuePages, agentPages);
  byId("page").hidden = pages < 2;
  write(byId("page-text"), queuePages > 1 ? `Queues ${(page % queuePages) + 1} of ${queuePages}` : `Page ${(page % pages) + 1} of ${pages}`);
}

let lastShown = [];

function draw() {
  const queues = shownQueues();
  const agents = shownAgents();
  const places = arrange(queues.length);
  const queuePages = Math.max(1, Math.ceil(queues.length / places.room));
  lastShown = drawQueues(queues, queuePages, places);
  const agentPages = drawAgents(agents);
  drawTotals(queues, agents);
  drawSystem();
  drawPage(queues, queuePages, agentPages);
  drawTimes();
}

function drawTimes() {
  const now = feed.now();
  const tiles = new Map([...board.children].map((tile) => [tile.dataset.queue, tile]));
  for (const queue of lastShown) tick(tiles.get(queue.name), queue, now);
  for (const row of panel.querySelectorAll(".person")) write(row.querySelector(".person-time"), span(now - Number(row.dataset.since)));
  drawAttention(shownQueues(), lastShown, now);
}

// -- time -------------------------------------------------------------------------------------

function beat() {
  write(byId("clock"), clock(feed.now()));
  if (!held && performance.now() - turned > TURN_MS) {
    turned = performance.now();
    page += 1;
    dirty = true;
  }
  if (document.body.dataset.link === "lost") return; // old figures stand still
  if (dirty) {
    dirty = false;
    draw();
  } else {
    drawTimes();
  }
}

byId("hold").addEventListener("click", () => {
  held = !held;
  byId("hold").setAttribute("aria-pressed", String(held));
});
window.addEventListener("resize", () => {
  dirty = true;
});

const first = JSON.parse(byId("picture").textContent);
picture = first.snapshot;
feed.setClock(first.now);
feed.version = first.version;
beat();
feed.connect();
setInterval(beat, 250);
