"use strict";
// What an operator does from the page. Each button says by data-act which of the acts
// below it is and by other data what it is done to. A dialog asks first, says what will
// happen, and shows in words why something was not done; what is done is done by the API
// that everybody else uses. Texts are only ever put in place as text.

(() => {
  const e = encodeURIComponent;
  const terms = [["1h", "1 hour"], ["8h", "8 hours"], ["24h", "1 day"], ["168h", "1 week"], ["", "until it is taken back"]];
  const why = { name: "comment", label: "Why", hint: "For whoever looks later.", max: 500 };
  const term = { name: "for", label: "For how long", options: terms };
  const some = (n, one, more) => `${n} ${Number(n) === 1 ? one : more}`;
  const api = "/api/v1/";

  const acts = {
    drain: {
      title: (d) => `Drain pool ${d.name}?`, yes: "Drain", ask: (d) => ["POST", `${api}pools/${e(d.name)}/drain`],
      text: (d) => `Its miners (${d.miners || 0} now) go to the other pools of their routes and new ones stay away. Its connections stay open. The next start knows of it.`,
      done: (d) => `Pool ${d.name} is drained.`,
    },
    undrain: {
      title: (d) => `Use pool ${d.name} again?`, yes: "Use again", ask: (d) => ["DELETE", `${api}pools/${e(d.name)}/drain`],
      text: () => "Miners may come to it again as their routes say.", done: (d) => `Pool ${d.name} is in use again.`,
    },
    disable: {
      title: (d) => `Disable pool ${d.name}?`, yes: "Disable", danger: true, ask: (d) => ["POST", `${api}pools/${e(d.name)}/disable`],
      text: (d) => `Its miners (${d.miners || 0} now) go to the other pools of their routes, then all its connections are closed and no new one is made. Miners of a route that has no other pool are disconnected or held, as on_outage says.`,
      done: (d, a) => a?.routes_without_pool?.length ? `Pool ${d.name} is disabled. Without a pool now: ${a.routes_without_pool.join(", ")}.` : `Pool ${d.name} is disabled.`,
    },
    enable: {
      title: (d) => `Enable pool ${d.name}?`, yes: "Enable", ask: (d) => ["DELETE", `${api}pools/${e(d.name)}/disable`],
      text: () => "It is connected to again, and miners may come to it as their routes say.", done: (d) => `Pool ${d.name} is enabled.`,
    },
    payout: {
      title: (d) => `Accept whom pool ${d.name} pays?`, yes: "Accept", danger: true, ask: (d) => ["POST", `${api}pools/${e(d.name)}/payout`, { accept: true }],
      text: () => "Whoever its jobs pay now counts as right. Do this only once the pool has said that the change is its own: else somebody may be taking your work.",
      done: (d) => `Whom pool ${d.name} pays is accepted.`,
    },
    pin: {
      title: (d) => `Switch route ${d.name} to another pool`, yes: "Switch",
      text: (d) => `The route’s miners (${d.miners || 0} now) go to this pool and stay there while it is usable; then the route’s own order holds. Take it back by Unpin.`,
      fields: (d) => [{ name: "pool", label: "Pool", options: JSON.parse(d.pools).map((p) => [p, p === d.active ? `${p} (serves now)` : p]), value: JSON.parse(d.pools).find((p) => p !== d.active) }],
      ask: (d, v) => ["PUT", `${api}routes/${e(d.name)}/pin`, v], done: (d, a, v) => `Route ${d.name} prefers pool ${v.pool}.`,
    },
    unpin: {
      title: (d) => `Unpin route ${d.name}?`, yes: "Unpin", ask: (d) => ["DELETE", `${api}routes/${e(d.name)}/pin`],
      text: (d) => `It does not prefer pool ${d.pool} any more: its own order of pools holds again, and its miners may be moved.`, done: (d) => `Route ${d.name} goes by its own order.`,
    },
    disconnect: {
      title: (d) => `Disconnect connection ${d.name}?`, yes: "Disconnect", danger: true, ask: (d) => ["DELETE", `${api}miners/${e(d.name)}`],
      text: () => "It is closed at once. Most miners come back by themselves within seconds.", done: (d) => `Connection ${d.name} is closed.`,
    },
    pauseMiner: {
      title: (d) => `Pause the workers of connection ${d.name}`, yes: "Pause", fields: () => [term, why], ask: (d, v) => ["POST", `${api}miners/${e(d.name)}/pause`, v],
      text: () => "The connection is closed, and its workers are refused at this address until they are resumed.", done: () => "Its workers are paused.",
    },
    banMiner: {
      title: (d) => `Ban the address of connection ${d.name}`, yes: "Ban", danger: true, force: true, fields: () => [term, why], ask: (d, v) => ["POST", `${api}miners/${e(d.name)}/ban`, v],
      text: (d) => `All connections from ${d.address.replace(/:\d+$/, "")} are closed and no new one is let in.`, done: () => "The address is banned.",
    },
    disconnectWorker: {
      title: (d) => `Disconnect worker ${d.name}?`, yes: "Disconnect", danger: true, ask: (d) => ["POST", `${api}workers/${e(d.name)}/disconnect`],
      text: (d) => `${some(d.miners, "connection is", "connections are")} closed at once. Most miners come back by themselves within seconds.`, done: (d, a) => `${some(a?.closed ?? 0, "connection", "connections")} of ${d.name} closed.`,
    },
    pauseWorker: {
      title: (d) => `Pause worker ${d.name}`, yes: "Pause", fields: () => [term, why], ask: (d, v) => ["POST", `${api}workers/${e(d.name)}/pause`, v],
      text: () => "Its connections are closed and its logins refused until it is resumed.", done: (d) => `Worker ${d.name} is paused.`,
    },
    resumeWorker: {
      title: (d) => `Resume worker ${d.name}?`, yes: "Resume", ask: (d) => ["POST", `${api}workers/${e(d.name)}/resume`],
      text: () => "If it is paused it may log in again, wherever it was paused.", done: (d) => `Worker ${d.name} may log in again.`,
    },
    banWorker: {
      title: (d) => `Ban worker ${d.name}`, yes: "Ban", danger: true, fields: () => [term, why], ask: (d, v) => ["POST", `${api}workers/${e(d.name)}/ban`, v],
      text: () => "Its connections are closed and it is kept out, wherever it comes from.", done: (d) => `Worker ${d.name} is banned.`,
    },
    ban: {
      title: () => "Ban or pause somebody", yes: "Keep out", danger: true, force: true,
      text: () => "An address or network, a worker, or a worker at an address. Connections that it concerns are closed at once.",
      fields: () => [
        { name: "kind", label: "How", options: [["ban", "Ban: kept out before a byte is read, or at the login"], ["pause", "Pause: refused until resumed, no offence"]] },
        { name: "address", label: "Address or network", hint: "Such as 192.0.2.7 or 192.0.2.0/24; empty: any.", mono: true, max: 64 },
        { name: "worker", label: "Worker", hint: "A login, or a glob of * and ?; empty: any.", mono: true, max: 128 },
        term, why,
      ],
      ask: (d, v) => ["POST", `${api}bans`, v], done: (d, a) => `${a?.bans?.map((b) => b.worker || b.address).join(", ")}: kept out, ${some(a?.closed ?? 0, "connection", "connections")} closed.`,
    },
    unban: {
      title: (d) => `Let ${d.who} in again?`, yes: "Let in", ask: (d) => ["DELETE", `${api}bans?id=${e(d.name)}`],
      text: () => "It may connect and log in from now on.", done: (d) => `${d.who} is let in again.`,
    },
    silence: {
      title: (d) => d.rule ? `Silence ${d.rule.replaceAll("_", " ")}${d.subject ? ` of ${d.kind} ${d.subject}` : ""}` : "Silence alerts", yes: "Silence",
      text: () => "Alerts like this are still shown here, and are not told to anybody, until the time is over.",
      fields: (d) => [
        { name: "name", label: "Rule", value: d.rule || "*", hint: "A name, or a glob of * and ?.", mono: true, max: 200 },
        { name: "subject", label: "Of which pool, route or worker", value: d.subject || "*", mono: true, max: 200 },
        { ...term, options: terms.slice(0, 4) }, why,
      ],
      ask: (d, v) => ["POST", `${api}silences`, {
        matchers: [["name", v.name || "*"], ["subject", v.subject || "*"]].filter(([label, glob]) => glob !== "*" || label === "name").map(([label, glob]) => ({ label, glob })), for: v.for, comment: v.comment,
      }],
      done: () => "Silenced.",
    },
    unsilence: {
      title: () => "End the silence?", yes: "End it", ask: (d) => ["DELETE", `${api}silences/${e(d.name)}`], text: () => "Alerts that it has kept quiet are told again from now on.", done: () => "The silence is over.",
    },
    testSink: {
      title: (d) => `Send a test by ${d.name}?`, yes: "Send", ask: (d) => ["POST", `${api}alerts/test`, { sink: d.name }],
      text: () => "A message that says it is a test goes out at once.",
      check: (a) => a?.results?.find((r) => !r.ok)?.error, done: (d) => `The test was sent by ${d.name}.`,
    },
    split: { title: (d) => `Divide route ${d.name}`, yes: "Divide", wide: true, form: splitForm, text: () => "Miners are moved until each part has its share of the hashrate; nobody is disconnected. It holds until the file changes this split." },
    reload: {
      title: (d) => d.name ? `Go back to the file ${d.name}` : "Reload the configuration", yes: "Reload", wide: true, form: reloadForm,
      text: (d) => d.name ? "This file was in place before. It is put in place again; the file on the disk stays as it is." : "What the file on the disk has is put in place. This is what it would change now:",
    },
  };

  const node = (name, attributes = {}, ...children) => {
    const el = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (value === false || value === undefined || value === null) continue;
      if (key === "text") el.textContent = value; else el.setAttribute(key, value === true ? "" : value);
    }
    el.append(...children.filter(Boolean));
    return el;
  };

  // asks sends a request and returns what came, or throws what is wrong in words.
  async function asks([method, path, body]) {
    let answer;
    try {
      answer = await fetch(path, { method, headers: body ? { "Content-Type": "application/json" } : {}, body: body && JSON.stringify(body), signal: AbortSignal.timeout(20000) });
    } catch {
      throw new Error("The proxy does not answer. Nothing is known of whether it was done; look before you try again.");
    }
    const text = await answer.text();
    let doc = null;
    try { doc = text ? JSON.parse(text) : null; } catch { /* then there is no more to say */ }
    if (answer.ok) return doc;
    const error = new Error(answer.status === 401 ? "Your session is over. Sign in again, in another tab, and repeat this." : doc?.detail || `The proxy answers ${answer.status}.`);
    error.status = answer.status;
    throw error;
  }

  let fields = 0;
  function field(f) {
    const id = `act-field-${++fields}`, hint = f.hint && node("p", { class: "hint", id: `${id}-hint`, text: f.hint });
    const attributes = { id, name: f.name, "aria-describedby": hint && `${id}-hint`, class: f.mono && "mono", required: f.required };
    let control;
    if (f.options) {
      control = node("select", attributes, ...f.options.map(([value, text]) => node("option", { value, text, selected: f.value !== undefined && value === f.value })));
    } else {
      control = node("input", { ...attributes, type: f.type || "text", value: f.value ?? "", maxlength: f.max, step: f.step, min: f.min, autocomplete: "off", spellcheck: "false" });
    }
    return node("div", { class: "field" }, node("label", { for: id, text: f.label }), control, hint);
  }

  function values(form) {
    const v = {};
    for (const [key, value] of new FormData(form)) if (value !== "" && key !== "force") v[key] = value.trim?.() ?? value;
    return v;
  }

  // opens asks what an act is to be done with. Whatever comes of it, focus goes back.
  function opens(button) {
    const d = { ...button.dataset }, act = acts[d.act], back = { el: button, id: button.id };
    if (!act) return;
    const title = node("h2", { id: "act-title", text: act.title(d) });
    const body = node("div", { class: "body" }, node("p", { text: act.text(d) }));
    const wrong = node("p", { class: "notice bad", role: "alert", hidden: true });
    const no = node("button", { type: "button", text: "Cancel" }), yes = node("button", { type: "submit", class: act.danger ? "danger" : "primary", text: act.yes });
    const form = node("form", {}, node("header", {}, title), body, node("footer", {}, no, yes));
    const dialog = node("dialog", { "aria-labelledby": "act-title", class: act.wide && "wide", id: "act" }, form);
    const says = (text) => { wrong.textContent = text; wrong.hidden = !text; };
    const ui = { d, body, yes, says, form };
    let how = { ask: (v) => act.ask(d, v), done: (a, v) => act.done(d, a, v), values: () => values(form) };
    for (const f of act.fields?.(d) ?? []) body.append(field(f));
    if (act.form) how = act.form(ui);
    body.append(wrong);

    no.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => {
      dialog.remove();
      (back.el.isConnected ? back.el : document.getElementById(back.id) ?? document.getElementById("main")).focus();
    });
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      says("");
      const v = how.values();
      if (!v) return;
      if (form.elements.force?.checked) v.force = true;
      yes.disabled = true;
      form.setAttribute("aria-busy", "true");
      try {
        const answer = await asks(how.ask(v)), problem = act.check?.(answer);
        if (problem) throw new Error(problem);
        await loka.refresh();
        dialog.close();
        loka.toast(how.done(answer, v), "good");
      } catch (error) {
        says(error.message);
        if (error.status === 409 && act.force && !form.elements.force) {
          const id = "act-force";
          body.append(node("div", { class: "check" }, node("input", { type: "checkbox", name: "force", id }), node("label", { for: id, text: "Do it all the same" })));
        }
      } finally {
        yes.disabled = false;
        form.removeAttribute("aria-busy");
      }
    });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("select, input:not([type=hidden])") ?? (act.danger ? no : yes)).focus();
  }

  // splitForm edits the parts of a split. What it has no field for stays as it is.
  function splitForm({ d, body, says }) {
    const pools = JSON.parse(d.pools), rows = node("div", { class: "parts", role: "group", "aria-label": "Parts" }), sum = node("p", { class: "hint", "aria-live": "polite" });
    const now = JSON.parse(d.split) || [];
    const parts = now.length ? now : pools.map((pool, i) => ({ pools: [pool], weight: i === 0 ? 70 : 30 })).slice(0, 2);
    const all = [...new Set([...pools, ...parts.flatMap((p) => p.pools)])];
    const total = () => {
      const list = [...rows.children].map((row) => ({ row, pool: row.querySelector("select").value, weight: row.querySelector("[name=how]").value === "weight" ? Number(row.querySelector("[name=amount]").value) || 0 : 0 }));
      const whole = list.reduce((n, p) => n + p.weight, 0);
      sum.textContent = whole ? `By weight: ${list.filter((p) => p.weight).map((p) => `${p.pool} ${(100 * p.weight / whole).toFixed(1)} %`).join(", ")}` : "";
    };
    const add = (part) => {
      const by = part.want_hashrate ? "hashrate" : part.worker && !part.weight ? "own" : "weight";
      const pool = node("select", { name: "pool", "aria-label": "Pool" }, ...all.map((p) => node("option", { value: p, text: p, selected: p === part.pools?.[0] })));
      const amount = node("input", { name: "amount", class: "num", "aria-label": "Amount", value: by === "hashrate" ? `${part.want_hashrate}H/s` : part.weight || "", autocomplete: "off", required: by !== "own" });
      const how = node("select", { name: "how", "aria-label": "Counted as" }, node("option", { value: "weight", text: "weight", selected: by === "weight" }), node("option", { value: "hashrate", text: "hashrate, such as 500TH/s", selected: by === "hashrate" }), part.worker && node("option", { value: "own", text: `only workers ${part.worker}`, selected: by === "own" }));
      const away = node("button", { type: "button", class: "plain small", text: "Remove" });
      const more = [part.pools?.length > 1 && `then ${part.pools.slice(1).join(", ")}`, part.worker && `workers ${part.worker}`, part.when && `when ${part.when} ${part.time_zone}`, part.on_dead && part.on_dead !== "others" && `while away ${part.on_dead} has it`].filter(Boolean).join("; ");
      const row = node("div", { class: "part" }, pool, amount, how, away, more && node("p", { class: "hint", text: more }));
      row.part = part;
      away.addEventListener("click", () => { row.remove(); total(); rows.querySelector("select")?.focus(); });
      how.addEventListener("change", () => { amount.required = how.value !== "own"; });
      row.addEventListener("input", total);
      rows.append(row);
    };
    parts.forEach(add);
    const more = node("button", { type: "button", class: "small", text: "Add a part" });
    more.addEventListener("click", () => {
      const used = [...rows.querySelectorAll("[name=pool]")].map((s) => s.value);
      add({ pools: [all.find((p) => !used.includes(p)) ?? all[0]], weight: 10 });
      rows.lastElementChild.querySelector("select").focus();
      total();
    });
    const file = now.length ? node("label", { class: "check" }, node("input", { type: "checkbox", name: "file" }), "As the file says, in place of this") : null;
    file?.firstChild.addEventListener("change", (ev) => { for (const c of rows.querySelectorAll("input, select, button")) c.disabled = ev.target.checked; more.disabled = ev.target.checked; });
    body.append(rows, more, sum, file ?? "");
    total();
    return {
      values: () => {
        if (file?.firstChild.checked) return { file: true };
        const split = [...rows.children].map((row) => {
          const was = row.part, pool = row.querySelector("select").value, how = row.querySelector("[name=how]").value, amount = row.querySelector("[name=amount]").value.trim();
          const part = was.pools?.length > 1 && was.pools[0] === pool ? { pools: was.pools } : { pool };
          if (how === "weight") part.weight = Number(amount.replace(",", "."));
          if (how === "hashrate") part.hashrate = amount;
          for (const key of ["worker", "when", "time_zone"]) if (was[key]) part[key] = was[key];
          if (was.on_dead && was.on_dead !== "others") part.on_dead = was.on_dead;
          return part;
        });
        if (!split.length) { says("A split has at least one part."); return null; }
        if (split.some((p) => "weight" in p && !(p.weight > 0))) { says("A weight is a number above 0."); return null; }
        return { split };
      },
      ask: (v) => v.file ? ["DELETE", `${api}routes/${e(d.name)}/split`] : ["PUT", `${api}routes/${e(d.name)}/split`, v],
      done: (a, v) => v.file ? `Route ${d.name} is as the file says.` : `Route ${d.name} is divided anew.`,
    };
  }

  // reloadForm shows what a reload would do before it is done.
  function reloadForm({ d, body, yes, says }) {
    const shown = node("div", { class: "stack", role: "status" }, node("p", { class: "quiet", text: "Asking…" }));
    body.append(shown);
    yes.disabled = true;
    const list = (title, items) => items.length ? node("section", {}, node("h3", { text: title }), node("ul", { class: "plan" }, ...items.map((text) => node("li", { text })))) : null;
    const elsewhere = (m) => {
      const from = m.listener ? `listener ${m.listener}` : [m.route && `route ${m.route}`, m.pool && `pool ${m.pool}`].filter(Boolean).join(", ");
      const to = m.closed ? `are disconnected (${m.closed.replaceAll("_", " ")})` : `go to ${[m.to_route && `route ${m.to_route}`, m.to_pool && `pool ${m.to_pool}`].filter(Boolean).join(", ")}`;
      return `${some(m.miners, "miner", "miners")}${from ? ` of ${from}` : ""} ${to}`;
    };
    asks(["POST", `${api}plan${d.name ? `?applied=${e(d.name)}` : ""}`]).then((plan) => {
      const rows = plan.changes.map((c) => node("tr", {}, node("th", { scope: "row", class: "mono", text: c.key }), node("td", { class: "mono old", "data-label": "Now", text: c.old || "–" }), node("td", { class: "mono new", "data-label": "Then", text: c.new || "–" })));
      const head = node("thead", {}, node("tr", {}, ...["Key", "Now", "Then"].map((text) => node("th", { scope: "col", text }))));
      shown.replaceChildren(...[
        rows.length ? node("div", { class: "table" }, node("table", { class: "diff" }, head, node("tbody", {}, ...rows))) : node("p", { text: "Nothing is different. Certificates would be read again." }),
        plan.moves.length ? list("Miners", plan.moves.map(elsewhere)) : rows.length ? node("p", { class: "quiet", text: "No miner would be moved or disconnected." }) : null,
        list("At the next start only", plan.restart), list("Still as arranged by page or API", plan.arranged), list("No longer as arranged by page or API", plan.forgotten),
      ].filter(Boolean));
      yes.disabled = false;
      yes.focus();
    }).catch((error) => {
      shown.replaceChildren();
      says(error.message);
    });
    return {
      values: () => d.name ? { applied: d.name } : {}, ask: (v) => ["POST", `${api}reload`, v],
      done: (a) => `Reloaded: ${some(a.changes.length, "difference", "differences")}${a.closed_miners ? `, ${some(a.closed_miners, "miner", "miners")} disconnected` : ""}${a.restart.length ? "; some take effect at the next start" : ""}.`,
    };
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-act]");
    if (button && !button.disabled) opens(button);
  });

  // Details beside a table: focus goes there, and back when they are closed.
  const drawer = () => document.getElementById("drawer");
  let had = drawer()?.dataset.return;
  loka.on("refreshed", () => {
    const is = drawer()?.dataset.return;
    if (is && is !== had) drawer().focus();
    if (!is && had) (document.getElementById(had) ?? document.getElementById("main")).focus();
    had = is;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !document.querySelector("dialog[open]") && drawer()) drawer().querySelector("[data-close]").click();
  });
})();
