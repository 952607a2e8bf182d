"use strict";
// Polls the API and draws. Whatever comes from miners and pools is set as
// text, never as markup.

const EVERY = 2000, ROWS = 200;
const $ = (id) => document.getElementById(id);

function text(id, s, cls) {
  const el = $(id);
  if (el.textContent !== s) el.textContent = s;
  if (cls !== undefined) el.className = cls;
}

const whole = new Intl.NumberFormat("en");
const count = (n) => whole.format(n).replaceAll(",", "\u202f");

function scaled(n, units, unit) {
  if (!(n > 0)) return "0" + (unit ? " " + unit : "");
  let i = 0;
  while (n >= 999.5 && i < units.length - 1) { n /= 1000; i++; }
  const digits = n >= 99.95 ? 0 : n >= 9.995 ? 1 : n >= 0.01 ? 2 : 6;
  return `${n.toFixed(digits)}${units[i] || unit ? " " + units[i] + unit : ""}`;
}
const rate = (n) => scaled(n, ["", "k", "M", "G", "T", "P", "E", "Z"], "H/s");
const difficulty = (d) => !d ? "–" : d < 100000 ? String(+d.toPrecision(6)) : scaled(d, ["", "k", "M", "G", "T", "P"], "");

// An amount of satoshi: bitcoin from one on.
function sat(n) {
  if (!n) return "0 sat";
  if (n >= 99999999.5) return (n / 1e8).toFixed(8) + " BTC";
  return (n >= 99.995 ? count(Math.round(n)) : n >= 1 ? n.toFixed(2) : n.toPrecision(3)) + " sat";
}

function span(seconds) {
  if (seconds == null) return "never";
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min";
  if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
  return Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";
}
const ago = (when) => when ? span((Date.now() - Date.parse(when)) / 1000) + " ago" : "never";

function part(some, all) {
  return all ? (100 * some / all).toFixed(some && some / all < 0.01 ? 2 : 1) + " %" : "–";
}

function badge(state, warnings = []) {
  const el = document.createElement("span");
  const good = ["active", "mining", "ready", "ok"], warn = ["connecting", "degraded", "subscribed"];
  el.className = "badge " + (good.includes(state) && !warnings.length ? "good" : warnings.length || warn.includes(state) ? "warn" : state === "down" || state === "not ready" ? "bad" : "");
  el.textContent = state;
  el.title = warnings.join("\n");
  return el;
}

// A part of a split: what it should have, and does.
function share(p) {
  const asks = p.weight || p.want_hashrate || !p.worker ? ` ${(100 * p.target).toFixed(1)} %` : "";
  const what = [p.worker, p.in_window ? "" : `outside ${p.when} ${p.time_zone}`].filter(Boolean).join(", ");
  return `${p.pools.join("/")}${what ? ` (${what})` : ""}${asks}: ${rate(p.hashrate)}`;
}

// A figure that should be 0.
function loud(n, shown) {
  const el = document.createElement("span");
  el.className = n ? "bad" : "quiet";
  el.textContent = shown(n);
  return el;
}

// A share count with what was refused behind it.
function verdicts(accepted, rejected) {
  const el = document.createElement("span");
  el.textContent = count(accepted);
  if (rejected) {
    const no = document.createElement("span");
    no.className = rejected > 0.05 * (accepted + rejected) ? "bad" : "quiet";
    no.textContent = ` / ${count(rejected)}`;
    el.append(no);
  }
  return el;
}

// quality shows the score; what it is made of is in the title.
function quality(q) {
  if (q.score == null) return "–";
  const el = document.createElement("span");
  el.textContent = q.score.toFixed(2);
  if (q.score < 0.5) el.className = "bad";
  const ms = (s) => s ? `${(s * 1000).toFixed(0)} ms` : "–";
  el.title = [
    `connects in ${ms(q.connect_rtt_seconds)}`, `answers in ${ms(q.submit_rtt_seconds)}, 90 % within ${ms(q.submit_rtt_p90_seconds)}`,
    q.reject_rate == null ? "no shares of late" : `refuses ${(100 * q.reject_rate).toFixed(2)} %`,
    q.block_delay_seconds == null ? "no blocks to compare" : `${q.block_delay_seconds.toFixed(1)} s late with new blocks`,
    `was ${q.tip_lag_seconds.toFixed(0)} s behind most pools`, `was ${q.tip_alone_seconds.toFixed(0)} s on a block of its own`,
    `${count(q.silences)} silences`, `${count(q.disconnects)} disconnects`,
  ].join("; ");
  return el;
}

// signals shows what is odd about a pool; what it means is in the title.
function signals(all) {
  const el = document.createElement("span");
  el.textContent = all.map((s) => s.name.replaceAll("_", " ")).join(", ");
  if (all.length > 0) el.className = "bad";
  el.title = all.map((s) => [s.detail, s.means, s.do].filter(Boolean).join(" ")).join("\n");
  return el;
}

// fixedAt shows the pool of a miner that cannot be sent to all others.
function fixedAt(m) {
  const el = document.createElement("span");
  el.textContent = `${m.pool || "–"} !`;
  el.title = m.not_movable_to.map((o) => `cannot be sent to ${o.pool}: ${o.reason.replaceAll("_", " ")}`).join("\n");
  return el;
}

// columns: [head, value(row), class]. A value is text or an element.
function table(id, columns, rows, empty, rowClass) {
  const head = document.createElement("thead"), tr = document.createElement("tr");
  for (const [name, , cls] of columns) {
    const th = document.createElement("th");
    th.textContent = name;
    th.scope = "col";
    if (cls) th.className = cls;
    tr.append(th);
  }
  head.append(tr);
  const bodyEl = document.createElement("tbody");
  for (const row of rows) {
    const line = document.createElement("tr");
    if (rowClass) line.className = rowClass(row);
    for (const [name, value, cls] of columns) {
      const td = document.createElement("td"), v = value(row);
      td.append(v === "" || v == null ? "–" : v);
      td.dataset.label = name;
      if (cls) td.className = cls;
      if (cls === "wide" || cls === "head") td.title = td.textContent;
      line.append(td);
    }
    bodyEl.append(line);
  }
  if (!rows.length) {
    const line = document.createElement("tr"), td = document.createElement("td");
    td.className = "empty";
    td.colSpan = columns.length;
    td.textContent = empty;
    line.append(td);
    bodyEl.append(line);
  }
  $(id).replaceChildren(head, bodyEl);
}

function total(id, shown, all) {
  text(id, all > shown ? `${count(shown)} of ${count(all)}; the API has all` : all ? count(all) : "");
}

function drawSummary(s) {
  text("rate", rate(s.hashrate["10m"]));
  text("rates", `1 h ${rate(s.hashrate["1h"])} · 24 h ${rate(s.hashrate["24h"])}`);
  text("miners-count", count(s.miners));
  const outside = [s.strangers ? ` · ${count(s.strangers)} not logged in` : "", s.waiting ? ` · ${count(s.waiting)} waiting` : ""].join("");
  text("connections", `${count(s.workers)} workers · ${count(s.pool_connections)} pool connections${outside}`);
  const x = s.shares, all = x.accepted + x.rejected, poolAll = x.pool_accepted + x.pool_rejected;
  text("ours", `${count(x.accepted)} accepted`);
  text("ours-more", `${count(x.rejected)} rejected (${part(x.rejected, all)}): ${count(x.stale)} stale${x.unpaid ? `; ${count(x.unpaid)} unpaid` : ""}`, "quiet");
  const sick = poolAll >= 20 && x.pool_rejected > 0.05 * poolAll;
  text("pools-say", `${count(x.pool_accepted)} accepted`, sick ? "big bad" : "big");
  text("pools-more", `${count(x.pool_rejected)} rejected (${part(x.pool_rejected, poolAll)}), ${count(x.pool_unanswered)} unanswered`, "quiet");
  const b = s.business, r = s.reconciliation;
  text("value", sat(b.value_sat_24h));
  text("value-more", `${sat(b.value_sat)} in all`);
  text("pool-value", sat(b.pool_value_sat_24h));
  text("pool-value-more", `${sat(b.pool_value_sat)} in all · gap ${r.gap_ratio == null ? "–" : `${(100 * r.gap_ratio).toFixed(2)} %, ${sat(r.gap.value_sat)}`}`);
  text("about", `${s.instance} · version ${s.version} · up ${span(s.uptime_seconds)}`);
}

function drawHealth(h) {
  text("status", h.status === "ok" ? "all well" : h.status, "badge " + ({ ok: "good", degraded: "warn", down: "bad" })[h.status]);
  const wrong = Object.entries(h.checks).filter(([, c]) => c.status !== "ok").sort(([a], [b]) => a < b ? -1 : 1);
  const list = $("problems");
  list.hidden = !wrong.length;
  list.replaceChildren(...wrong.slice(0, 8).map(([name, c]) => {
    const li = document.createElement("li"), b = document.createElement("b"), advice = document.createElement("span");
    li.className = c.status === "down" ? "bad" : "";
    b.textContent = name.replace(":", " ").replace("_", " ");
    advice.className = "quiet";
    advice.textContent = c.advice;
    li.append(b, ": " + c.detail, advice);
    return li;
  }));
}

// drawLost lists what was not paid for, the dearest first; each word's shares are
// its own, and one that both refused is under both.
function drawLost(lost) {
  const rows = Object.entries(lost).map(([reason, l]) => {
    const pools = reason.startsWith("pool_");
    return { ...l, word: pools ? "the pool’s" : reason === "not_submitted" ? "" : "ours", cause: (pools ? reason.slice(5) : reason).replaceAll("_", " ") };
  }).sort((a, b) => b.value_sat - a.value_sat || b.shares - a.shares);
  table("lost", [
    ["Cause", (l) => l.cause, "head"],
    ["By whose word", (l) => l.word],
    ["Shares", (l) => count(l.shares), "num"],
    ["Work", (l) => difficulty(l.work), "num"],
    ["Would have earned", (l) => sat(l.value_sat), "num"],
  ], rows, "Nothing was lost.");
}

function drawTables({ pools, workers, miners, routes }) {
  const any = (key) => pools.pools.some((p) => p[key] > 0);
  table("pools", [
    ["Pool", (p) => p.name, "head"],
    ["State", (p) => badge(p.drained ? `${p.state}, drained` : p.state)],
    ["Miners", (p) => count(p.miners), "num"],
    ["Connections", (p) => count(p.connections), "num"],
    ["Difficulty", (p) => difficulty(p.difficulty), "num"],
    ["Hashrate 10 min", (p) => rate(p.hashrate["10m"]), "num"],
    ["Accepted / rejected", (p) => verdicts(p.accepted, p.rejected), "num"],
    ["Quality", (p) => quality(p.quality), "num"],
    ...(pools.pools.some((p) => p.signals.length > 0) ? [["Signals", (p) => signals(p.signals)]] : []),
    ...(any("discrepancies") ? [["Valid, yet refused", (p) => loud(p.discrepancies, count), "num"]] : []),
    ...(any("work_not_submitted") ? [["Work not paid for", (p) => loud(p.work_not_submitted, difficulty), "num"]] : []),
    ["Last job", (p) => p.last_job_age_seconds == null ? "never" : span(p.last_job_age_seconds) + " ago", "num"],
    ["Answers in", (p) => p.rtt_seconds ? (p.rtt_seconds * 1000).toFixed(p.rtt_seconds < 0.01 ? 1 : 0) + " ms" : "–", "num"],
    ["Address / error", (p) => p.error || p.url.replace(/^stratum\+(tcp:\/\/)?/, ""), "wide"],
  ], pools.pools, "No pool is configured.");
  total("pools-total", pools.pools.length, pools.total);

  table("workers", [
    ["Worker", (w) => w.name, "head"],
    ["Miners", (w) => count(w.miners), "num"],
    ["Route", (w) => w.route],
    ["Pool", (w) => w.pool],
    ["Difficulty", (w) => difficulty(w.difficulty), "num"],
    ["1 min", (w) => rate(w.hashrate["1m"]), "num"],
    ["10 min", (w) => rate(w.hashrate["10m"]), "num"],
    ["24 h", (w) => rate(w.hashrate["24h"]), "num"],
    ["Ours", (w) => verdicts(w.accepted, w.rejected), "num"],
    ["Pool’s", (w) => verdicts(w.pool_accepted, w.pool_rejected), "num"],
    ["Value 24 h", (w) => sat(w.business.value_sat_24h), "num"],
    ["By the pool", (w) => sat(w.business.pool_value_sat_24h), "num"],
    ["Last share", (w) => w.last_share_age_seconds == null ? "never" : span(w.last_share_age_seconds) + " ago", "num"],
  ], workers.workers, "No worker has been here yet. Point a miner at this machine’s mining port, with any user name.", (w) => w.miners ? "" : "away");
  total("workers-total", workers.workers.length, workers.total);

  table("miners", [
    ["Miner", (m) => m.workers.join(", ") || `#${m.id}`, "head"],
    ["State", (m) => badge(m.state, m.warnings)],
    ["From", (m) => m.remote, "wide"],
    ["Software", (m) => m.user_agent, "wide"],
    ["Pool", (m) => m.movable ? m.pool : fixedAt(m)],
    ["Difficulty", (m) => difficulty(m.difficulty), "num"],
    ["Hashrate", (m) => m.hashrate ? rate(m.hashrate) : "–", "num"],
    ["Accepted / rejected", (m) => verdicts(m.accepted, m.rejected), "num"],
    ["Last share", (m) => ago(m.last_share_at), "num"],
    ["Connected", (m) => span(m.age_seconds), "num"],
  ], miners.miners, "No miner is connected.");
  total("miners-total", miners.miners.length, miners.total);

  table("routes", [
    ["Route", (r) => r.name, "head"],
    ["State", (r) => badge(r.ready ? "ready" : "not ready")],
    ["Mode", (r) => r.mode],
    ["Pools", (r) => r.pools.map((p) => p === r.pinned ? `${p} (pinned)` : p).join(", ")],
    ["Serving", (r) => r.split.length ? r.split.map(share).join(", ") : r.active],
    ["Miners", (r) => r.unpaid_miners ? `${count(r.miners)} (${count(r.unpaid_miners)} unpaid)` : count(r.miners), "num"],
    ["Pool connections", (r) => count(r.connections), "num"],
  ], routes.routes, "No route is configured.");
  total("routes-total", routes.routes.length, routes.total);
}

function drawListeners({ listeners, total: all }) {
  table("listeners", [
    ["Address", (l) => l.address, "head"],
    ["TLS", (l) => l.problems.length ? badge(l.tls, l.problems) : l.tls],
    ["Miners’ certificates", (l) => l.tls === "off" ? "–" : l.client_certificates],
    ["Certificates", (l) => l.certificates.map((c) => `${c.kind.toUpperCase()} until ${c.not_after.slice(0, 10)}`).join(", ") || "–"],
    ["SHA-256", (l) => l.certificates.map((c) => c.fingerprint).join(", ") || "–", "wide"],
  ], listeners, "No listener is configured.");
  total("listeners-total", listeners.length, all);
}

async function ask(path, also) {
  const r = await fetch(path, { signal: AbortSignal.timeout(10000) });
  if (!r.ok && r.status !== also) throw new Error(`${path} answers ${r.status}`);
  return r.json();
}

let lastAnswer = null;
async function poll() {
  try {
    const list = (name) => ask(`/api/v1/${name}?limit=${ROWS}`);
    const [summary, health, pools, workers, miners, routes, listeners] = await Promise.all([
      ask("/api/v1/summary"), ask("/health", 503), list("pools"), list("workers"), list("miners"), list("routes"), list("listeners"),
    ]);
    lastAnswer = Date.now();
    drawSummary(summary);
    drawLost(summary.business.lost);
    drawHealth(health);
    drawTables({ pools, workers, miners, routes });
    drawListeners(listeners);
  } catch (e) {
    const since = lastAnswer ? ` for ${span((Date.now() - lastAnswer) / 1000)}` : "";
    text("status", `no answer${since}`, "badge bad");
    $("status").title = String(e);
  }
  setTimeout(poll, EVERY);
}
poll();
