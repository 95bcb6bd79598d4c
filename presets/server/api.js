// SPDX-License-Identifier: GPL-3.0-or-later
// The server's API, with the token of this tab. The token lies in the session's storage and in no address.
"use strict";

class Api {
  get token() { return sessionStorage.getItem("galatea-token") || ""; }
  set token(text) {
    if (text) sessionStorage.setItem("galatea-token", text);
    else sessionStorage.removeItem("galatea-token");
  }

  // An answer that is good; else an Error in the server's own words, with `status`.
  async ask(path, { method = "GET", body, kind, headers = {}, signal } = {}) {
    const all = { ...headers };
    if (this.token) all.Authorization = `Bearer ${this.token}`;
    if (kind) all["Content-Type"] = kind;
    let answer;
    try {
      answer = await fetch(path, { method, body, headers: all, signal, cache: "no-store" });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw Object.assign(Error("The server cannot be reached. Is it running?"), { status: 0 });
    }
    if (answer.ok) return answer;
    let told = {};
    try { told = (await answer.json()).error || {}; } catch { /* no words of ours */ }
    const text = [told.message || `The server answers ${answer.status}.`, told.hint].filter(Boolean).join(" ");
    throw Object.assign(Error(text), { status: answer.status, told });
  }

  async json(path, options) { return (await this.ask(path, options)).json(); }

  give(path, order) {
    return this.json(path, { method: "POST", kind: "application/json", body: JSON.stringify(order) });
  }

  async upload(file) {
    const bytes = await file.arrayBuffer();
    return this.json("/v1/uploads", { method: "POST", kind: "application/octet-stream", body: bytes });
  }

  async file(path) { return (await this.ask(path)).arrayBuffer(); }

  // Every event of a job, in order, to its end; a connection that breaks is taken up where it broke.
  async *events(id, signal) {
    let last = "";
    for (let wait = 500; ; ) {
      try {
        const headers = last ? { "Last-Event-ID": last } : {};
        const answer = await this.ask(`/v1/jobs/${id}/events`, { headers, signal });
        for await (const event of blocks(answer.body)) {
          last = event.id || last;
          wait = 500;
          if (event.data) {
            const told = JSON.parse(event.data);
            yield told;
            if (told.event === "end") return;
          }
        }
      } catch (error) {
        if (error.name === "AbortError" || (error.status >= 400 && error.status < 500 && error.status !== 429)) throw error;
      }
      yield { event: "away" };
      await new Promise((go) => setTimeout(go, wait));
      wait = Math.min(wait * 2, 10000);
    }
  }
}

// Server-sent events of a stream of bytes.
async function* blocks(stream) {
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const event = {};
      for (const line of part.split("\n")) {
        const at = line.indexOf(":");
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 1).trimStart();
      }
      yield event;
    }
  }
}
