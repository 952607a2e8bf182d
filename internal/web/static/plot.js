"use strict";
// Draws what was in the past into elements with data-plot: "rate" draws hashrates by our
// word and by the pools', of the API's history at data-src. It is asked for again every
// half minute, and at once where data-src has changed.

(() => {
  const AGAIN = 30000, YOUNG = 8000, WORK = 2 ** 32;
  const plots = new Map(); // element to what is known of it
  // A canvas knows no light-dark(): what a colour is now is what an element has that is
  // drawn in it.
  const probe = document.createElement("i");
  probe.hidden = true;
  document.body.append(probe);
  function colour(name, alpha = 1) {
    probe.style.color = `var(${name})`;
    const [r, g, b] = getComputedStyle(probe).color.match(/[\d.]+/g);
    return `rgb(${r} ${g} ${b} / ${alpha})`;
  }
  const rem = () => parseFloat(getComputedStyle(document.documentElement).fontSize);

  function rateText(n) {
    if (n == null) return "–";
    const units = ["", "k", "M", "G", "T", "P", "E", "Z"];
    let i = 0;
    while (n >= 999.5 && i < units.length - 1) { n /= 1000; i++; }
    return `${n === 0 ? "0" : n >= 99.95 ? n.toFixed(0) : n >= 9.995 ? n.toFixed(1) : n.toFixed(2)} ${units[i]}H/s`;
  }
  const two = (n) => String(n).padStart(2, "0");
  const time = (d) => `${two(d.getHours())}:${two(d.getMinutes())}`;
  const day = (d) => d.toLocaleDateString("en", { month: "short", day: "numeric" });
  // Times are those of whoever looks; a day is said where it begins, and seconds not at
  // all: there is a point a minute at the most.
  function times(u, all, axis, space, step) {
    return all.map((s, i) => {
      const d = new Date(s * 1000), before = i > 0 ? new Date(all[i - 1] * 1000) : null;
      if (step >= 86400) return day(d);
      if (step < 60 && s % 60 !== 0) return null;
      return before && before.getDate() !== d.getDate() ? day(d) : time(d);
    });
  }
  const short = (n) => rateText(n).replace(/\.0+(?= )/, "").replace(/(\.\d)0(?= )/, "$1");

  // Points of minutes scatter by chance, so they are put together until there are about
  // as many as can be told apart. Steps in which nothing happened are 0.
  function buckets(history) {
    const step = { minute: 60, hour: 3600, day: 86400 }[history.step];
    const points = history.points, now = Date.parse(history.until) / 1000; // the rest is not there yet
    if (points.length === 0) return null;
    const at = (p) => Date.parse(p.time) / 1000;
    const first = at(points[0]), last = Math.max(at(points.at(-1)), Math.floor(now / step) * step - step);
    const size = step * Math.max(1, Math.round((last - first) / step / 160));
    const start = Math.floor(first / size) * size;
    const n = Math.floor((last - start) / size) + 1;
    const xs = [], ours = new Array(n).fill(0), pools = new Array(n).fill(0);
    for (let i = 0; i < n; i++) xs.push(start + i * size + size / 2);
    for (const p of points) {
      const i = Math.floor((at(p) - start) / size);
      ours[i] += p.work_accepted;
      pools[i] += p.pool_work_accepted;
    }
    for (let i = 0; i < n; i++) {
      const from = Math.max(start + i * size, first), to = Math.min(start + (i + 1) * size, now);
      const span = Math.max(to - from, 1);
      ours[i] *= WORK / span;
      pools[i] *= WORK / span;
    }
    // The last one has just begun: too little of it is known.
    if (n > 2 && now - (start + (n - 1) * size) < size / 2) { xs.pop(); ours.pop(); pools.pop(); }
    return [xs, ours, pools];
  }

  function options(el) {
    const quiet = colour("--quiet"), line = colour("--line"), accent = colour("--accent");
    const font = `${0.75 * rem()}px ${getComputedStyle(document.body).fontFamily}`;
    const axis = { stroke: quiet, font, grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const only = (u, i) => u.data[0].length < 3;
    return {
      width: el.clientWidth, height: Math.max(el.clientHeight, 12 * rem()),
      tzDate: (s) => new Date(s * 1000),
      cursor: { y: false, points: { size: 7 } },
      legend: { live: true },
      scales: { x: { range: (u, min, max) => u.data[0].length < 2 ? [u.data[0][0] - 900, u.data[0][0] + 900] : [min, max] }, y: { range: (u, min, max) => [0, max > 0 ? max * 1.12 : 1] } },
      axes: [{ ...axis, size: 2 * rem(), space: 5 * rem(), values: times }, { ...axis, size: 5.2 * rem(), space: 2.6 * rem(), values: (u, all) => all.map(short) }],
      series: [
        { label: "Time", value: (u, s) => s == null ? "–" : `${day(new Date(s * 1000))}, ${time(new Date(s * 1000))}` },
        { label: "Our word", stroke: accent, width: 2, fill: colour("--accent", .1), value: (u, n) => rateText(n), points: { show: only } },
        { label: "The pools’", stroke: colour("--pools"), width: 1.5, dash: [5, 4], value: (u, n) => rateText(n), points: { show: only } },
      ],
    };
  }

  function say(el, text) {
    plots.get(el)?.drawn?.destroy();
    const p = document.createElement("p");
    p.className = "hint";
    p.textContent = text;
    el.replaceChildren(p);
    const known = plots.get(el);
    if (known) known.drawn = null;
  }

  function draw(el) {
    const known = plots.get(el);
    if (!known.data) { say(el, "No shares in this time yet. The first point is here within a minute of the first share."); return; }
    known.drawn?.destroy();
    el.replaceChildren();
    known.drawn = new uPlot(options(el), known.data, el);
  }

  async function load(el) {
    const src = el.dataset.src, known = plots.get(el);
    clearTimeout(known.timer);
    known.src = src;
    try {
      const answer = await fetch(src, { signal: AbortSignal.timeout(30000) });
      if (!answer.ok) throw new Error(answer.status === 503 ? "the store does not answer" : `the API answers ${answer.status}`);
      const data = buckets(await answer.json());
      if (known.src !== src || !el.isConnected) return;
      known.data = data;
      if (known.drawn && data) known.drawn.setData(data); else draw(el);
    } catch (e) {
      if (!known.data) say(el, `The history is not to be had now: ${e.message}. It shows by itself once it is.`);
    }
    known.timer = setTimeout(() => { if (!document.hidden) load(el); else known.due = true; }, known.data && known.data[0].length > 4 ? AGAIN : YOUNG);
  }

  function look() {
    for (const [el, known] of plots) {
      if (el.isConnected) continue;
      clearTimeout(known.timer);
      known.drawn?.destroy();
      plots.delete(el);
    }
    for (const el of document.querySelectorAll("[data-plot]")) {
      if (!plots.has(el)) {
        plots.set(el, {});
        new ResizeObserver(() => {
          const drawn = plots.get(el)?.drawn;
          if (drawn && Math.abs(drawn.width - el.clientWidth) > 1) drawn.setSize({ width: el.clientWidth, height: drawn.height });
        }).observe(el);
        load(el);
      } else if (plots.get(el).src !== el.dataset.src) {
        plots.get(el).data = null;
        say(el, "…");
        load(el);
      }
    }
  }

  const redraw = () => { for (const [el, known] of plots) if (known.drawn) draw(el); };
  addEventListener("loka-theme", redraw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) return;
    for (const [el, known] of plots) if (known.due) { known.due = false; load(el); }
  });
  window.loka.on("refreshed", look);
  look();
})();
