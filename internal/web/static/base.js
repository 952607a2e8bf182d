"use strict";
// What all pages have in common: they are asked for again every so often and what has
// changed is put in place; forms and links of a table do that, too, without leaving the
// page. Nothing here reads markup from anywhere but this server's own pages.
//
// For other scripts there is window.loka: refresh(), toast(text, kind), on("refreshed", f),
// and streams(yes), by which a page that is told of changes is asked for less often.

(() => {
  const EVERY = Number(document.body.dataset.every) || 0;
  const root = document.documentElement, body = document.body;
  const listeners = [];
  let running = null, failures = 0, answered = Date.now(), timer = 0, generation = 0, streamed = false;

  // Idiomorph changes what differs and leaves the rest: focus, what is marked and where
  // a table was scrolled to stay. What a script has drawn into is left alone.
  const keep = {
    morphStyle: "outerHTML",
    ignoreActiveValue: true,
    callbacks: {
      beforeNodeMorphed: (old, now) => {
        if (old.nodeType !== Node.ELEMENT_NODE) return true;
        if (old.hasAttribute("data-kept")) {
          for (const a of now.attributes) if (a.name.startsWith("data-")) old.setAttribute(a.name, a.value);
          return false;
        }
        return !(old.localName === "dialog" && old.open);
      },
      beforeAttributeUpdated: (name, el) => !(el.localName === "details" && name === "open"),
    },
  };

  function put(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.querySelectorAll("[data-live][id]");
    if (fresh.length === 0) throw new Error("that is no page of this program");
    for (const now of fresh) {
      const old = document.getElementById(now.id);
      if (old) Idiomorph.morph(old, now, keep);
    }
    document.title = page.title;
    if (page.body.dataset.build !== body.dataset.build) location.reload();
  }

  async function refresh(url = location.href) {
    const mine = ++generation;
    running?.abort();
    running = new AbortController();
    const limit = AbortSignal.any([running.signal, AbortSignal.timeout(10000)]);
    try {
      const answer = await fetch(url, { signal: limit, headers: { "X-Loka-Live": "1" } });
      const text = await answer.text();
      if (mine !== generation) return;
      if (answer.redirected) { location.href = answer.url; return; }
      if (answer.status === 401) { location.reload(); return; }
      if (answer.status >= 500 && answer.status !== 503) throw new Error(`the proxy answers ${answer.status}`);
      put(text);
      failures = 0;
      answered = Date.now();
      root.classList.remove("lost");
      document.getElementById("offline").hidden = true;
      for (const f of listeners) f();
    } catch (e) {
      if (mine !== generation || running.signal.aborted) return;
      failures++;
      if (failures >= 2) lost(e);
    } finally {
      if (mine === generation) again();
    }
  }

  function lost(e) {
    root.classList.add("lost");
    const el = document.getElementById("offline"), s = Math.round((Date.now() - answered) / 1000);
    el.hidden = false;
    el.textContent = `Connection lost. What you see is ${s < 120 ? `${s} s` : `${Math.round(s / 60)} min`} old; trying again.`;
    el.title = String(e);
  }

  function again() {
    clearTimeout(timer);
    if (EVERY && !document.hidden) timer = setTimeout(refresh, streamed || failures > 4 ? 5 * EVERY : EVERY);
  }

  function streams(yes) {
    if (yes === streamed) return;
    streamed = yes;
    root.classList.toggle("streamed", yes);
    if (yes && !failures) again(); else if (!document.hidden) refresh();
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) clearTimeout(timer); else if (EVERY) refresh();
  });

  // A link or a form with data-soft changes the address and what is shown.
  function soft(url, push) {
    history[push ? "pushState" : "replaceState"](null, "", url);
    refresh(url);
  }
  document.addEventListener("click", (e) => {
    const a = e.target.closest("a[data-soft]");
    if (!a || e.defaultPrevented || e.button || e.ctrlKey || e.metaKey || e.shiftKey || e.altKey) return;
    e.preventDefault();
    soft(a.href, true);
  });
  addEventListener("popstate", () => refresh());
  let typing = 0;
  const ask = (form) => soft(form.action.split("?")[0] + "?" + new URLSearchParams([...new FormData(form)].filter(([, v]) => v !== "")), false);
  document.addEventListener("input", (e) => {
    const form = e.target.form;
    if (!form?.hasAttribute("data-soft")) return;
    clearTimeout(typing);
    typing = setTimeout(ask, e.target.type === "search" ? 200 : 0, form);
  });
  document.addEventListener("submit", (e) => {
    if (!e.target.hasAttribute("data-soft")) return;
    e.preventDefault();
    clearTimeout(typing);
    ask(e.target);
  });

  // The navigation of narrow screens.
  const menu = document.getElementById("menu");
  const open = (yes) => {
    root.classList.toggle("nav-open", yes);
    menu?.setAttribute("aria-expanded", String(yes));
    if (yes) document.querySelector(".nav a")?.focus();
  };
  menu?.addEventListener("click", () => open(!root.classList.contains("nav-open")));
  document.addEventListener("keydown", (e) => {
    if (e.key === "Escape" && root.classList.contains("nav-open")) { open(false); menu.focus(); }
    const typed = e.target.closest("input, textarea, select, [contenteditable]") || e.ctrlKey || e.metaKey || e.altKey;
    if (e.key === "/" && !typed) {
      const search = document.querySelector("input[type=search]");
      if (search) { e.preventDefault(); search.focus(); search.select(); }
    }
  });
  document.addEventListener("click", (e) => {
    if (root.classList.contains("nav-open") && !e.target.closest(".side, #menu")) open(false);
  });

  // Dark, light, or as the system has it.
  document.getElementById("theme")?.addEventListener("click", () => {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("loka-theme", root.dataset.theme); } catch { /* then for this page only */ }
    dispatchEvent(new Event("loka-theme"));
  });

  function toast(text, kind = "") {
    const el = document.createElement("div"), p = document.createElement("p"), close = document.createElement("button");
    el.className = `toast ${kind}`;
    el.setAttribute("role", kind === "bad" ? "alert" : "status");
    p.textContent = text;
    close.className = "plain small";
    close.textContent = "Close";
    close.addEventListener("click", () => el.remove());
    el.append(p, close);
    document.getElementById("toasts").append(el);
    if (kind !== "bad") setTimeout(() => el.remove(), 8000);
  }

  window.loka = { refresh, streams, toast, on: (what, f) => { if (what === "refreshed") listeners.push(f); } };
  again();
})();
