// SPDX-License-Identifier: Apache-2.0
// The charts: what changed between two readings of /metrics, and what models.loaded says now.
import {Chart} from './chart.js';
import {bytes, number, seconds} from './format.js';
import {growth, spread, total} from './metrics.js';

const CLIENTS = new Set(['openai', 'ollama', 'oip', 'grpc']); // Not the methods that this page polls.
const ofClients = (labels) => CLIENTS.has(labels.get('protocol'));
const perSecond = (value) => number(value);

function sum(rows, member) {
  return rows.reduce((all, row) => all + (Number.isFinite(row[member]) ? row[member] : 0), 0);
}

export class Live {
  #before = null;
  #at = 0;

  constructor(parent) {
    const add = (options) => {
      const chart = new Chart(options);
      parent.append(chart.element);
      return chart;
    };
    this.requests = add({title: 'Requests per second', note: 'OpenAI, Ollama and Open Inference.', series: [''], format: perSecond});
    this.latency = add({title: 'Time to answer', note: 'Mean; no request in the last second.', series: [''], format: seconds});
    this.tokens = add({title: 'Tokens per second', note: 'A text counts when it is finished, prompt and answer.', series: ['of texts', 'embedded'], format: perSecond});
    this.queue = add({title: 'Queue', note: 'Texts and rows of embeddings.', series: ['waiting', 'running'], format: number});
    this.batches = add({title: 'Rows in a batch', note: 'Mean; no batch in the last second.', series: [''], format: number});
    this.memory = add({title: 'Memory', note: '', series: ['process', 'models'], format: bytes});
  }

  /** metrics: parseMetrics(); loaded: the rows of models.loaded; at: milliseconds of a clock that only goes on. */
  add(metrics, loaded, at) {
    const before = this.#before;
    const passed = before ? (at - this.#at) / 1000 : 0;
    this.#before = metrics;
    this.#at = at;
    const rate = (grown) => (grown === null || passed <= 0 ? null : grown / passed);
    const grown = (name, accepts) => growth(before, metrics, name, accepts);

    const failed = grown('accel_api_requests_total', (labels) => ofClients(labels) && /^[45]/.test(labels.get('status') ?? ''));
    this.requests.add([rate(grown('accel_api_requests_total', ofClients))], failed ? `${number(failed)} of them refused or failed.` : undefined);

    const times = before ? spread(before, metrics, 'accel_api_answer_seconds', ofClients) : {mean: null};
    const bound = times.within95 === Infinity ? 'above a minute' : `within ${seconds(times.within95)}`;
    this.latency.add([times.mean], times.mean === null ? undefined : `Mean of ${number(times.count)}; 95 % ${bound}.`);

    const written = ['accel_text_prompt_tokens_total', 'accel_text_answer_tokens_total'].map((name) => grown(name));
    const texts = written.some((value) => value !== null) ? written.reduce((all, value) => all + (value ?? 0), 0) : null;
    this.tokens.add([rate(texts), rate(grown('accel_batch_tokens_total'))]);

    const rowsWaiting = total(metrics, 'accel_batch_waiting_rows') ?? 0;
    this.queue.add([sum(loaded, 'waiting') + rowsWaiting, sum(loaded, 'running')]);

    const batches = before ? spread(before, metrics, 'accel_batch_rows') : {mean: null};
    this.batches.add([batches.mean], batches.mean === null ? undefined : `Mean of ${number(batches.count)} batches.`);

    const cache = sum(loaded, 'kv_bytes');
    const note = loaded.length === 0 ? 'No model is loaded.' : `${loaded.length} loaded; caches of texts take ${bytes(cache)} of it.`;
    this.memory.add([total(metrics, 'process_resident_memory_bytes'), sum(loaded, 'memory_bytes')], note);
  }
}
