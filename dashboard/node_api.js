// SPDX-License-Identifier: Apache-2.0
// The node behind this page: its methods (POST /api/v1/<method>), /metrics, and the routes of OpenAI. The token goes into a
// header of these requests alone.

const TOKEN_KEY = 'ipfs-accelerate.token';
const PATIENCE_MS = 15000;
const MAX_LINE = 1 << 22; // Letters of one event or line.

export class ApiError extends Error {
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

/** The lines of a stream of bytes, as they become complete. */
export async function* lines(stream) {
  const decoder = new TextDecoder();
  const reader = stream.getReader();
  let rest = '';
  try {
    for (;;) {
      const {done, value} = await reader.read();
      rest += done ? decoder.decode() : decoder.decode(value, {stream: true});
      const parts = rest.split('\n');
      rest = parts.pop();
      yield* parts.map((line) => line.replace(/\r$/, ''));
      if (rest.length > MAX_LINE) throw new ApiError('The node sent a line that is too long.', 0);
      if (done) break;
    }
    if (rest !== '') yield rest;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** The events of a stream of server-sent events, parsed, up to [DONE]. */
export async function* events(stream) {
  for await (const line of lines(stream)) {
    if (!line.startsWith('data:')) continue;
    const data = line.slice(5).trim();
    if (data === '[DONE]') return;
    yield JSON.parse(data);
  }
}

async function messageOf(response) {
  const text = (await response.text()).slice(0, 2000);
  try {
    const body = JSON.parse(text);
    return String(body.error?.message ?? body.error ?? text);
  } catch {
    return text.trim() || `The node answered ${response.status}.`;
  }
}

export class NodeApi {
  #token = sessionStorage.getItem(TOKEN_KEY) ?? '';
  onRefused = () => {};

  get signedIn() {
    return this.#token !== '';
  }

  signIn(token) {
    this.#token = token.trim();
    if (this.#token === '') sessionStorage.removeItem(TOKEN_KEY);
    else sessionStorage.setItem(TOKEN_KEY, this.#token);
  }

  async #fetch(path, options = {}) {
    const headers = new Headers(options.headers);
    if (this.#token) headers.set('Authorization', `Bearer ${this.#token}`);
    const signal = options.signal ?? AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(path, {...options, headers, signal, cache: 'no-store', credentials: 'omit', redirect: 'error'});
    if (response.ok) return response;
    const error = new ApiError(await messageOf(response), response.status);
    if (response.status === 401) this.onRefused();
    throw error;
  }

  #post(path, body, signal) {
    return this.#fetch(path, {method: 'POST', body: JSON.stringify(body), headers: {'Content-Type': 'application/json'}, signal});
  }

  /** The result of a method; what it tells on the way is left out. patienceMs null: as long as it takes. */
  async call(method, params = {}, patienceMs = PATIENCE_MS) {
    const response = await this.#post(`/api/v1/${method}`, params, patienceMs === null ? new AbortController().signal : AbortSignal.timeout(patienceMs));
    for await (const line of lines(response.body)) {
      const frame = line === '' ? {} : JSON.parse(line);
      if (frame.error) throw new ApiError(frame.error.message, 0);
      if ('result' in frame) return frame.result;
    }
    throw new ApiError(`${method} ended without a result.`, 0);
  }

  async metricsText() {
    return (await this.#fetch('/metrics')).text();
  }

  async version() {
    return (await (await this.#fetch('/version')).json()).version;
  }

  async post(path, body, signal) {
    return (await this.#post(path, body, signal)).json();
  }

  async *stream(path, body, signal) {
    const response = await this.#post(path, body, signal);
    yield* events(response.body);
  }
}
