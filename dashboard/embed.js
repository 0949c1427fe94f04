// SPDX-License-Identifier: Apache-2.0
// How near two texts are in meaning: the cosine of their embeddings by /v1/embeddings.
import {el, setText} from './dom.js';
import {seconds} from './format.js';
import {modelChoice} from './model_choice.js';

/** Null when it has no meaning: another length, or a vector without length. */
export function cosine(a, b) {
  if (a.length !== b.length || a.length === 0) return null;
  let dot = 0;
  let aa = 0;
  let bb = 0;
  for (let i = 0; i < a.length; ++i) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  const value = dot / Math.sqrt(aa * bb);
  return Number.isFinite(value) ? value : null;
}

function textField(id, label, value) {
  const area = el('textarea', {id, rows: 3});
  area.value = value;
  return {area, element: el('label', {class: 'field', for: id}, label, area)};
}

class EmbedPanel {
  constructor(api) {
    this.api = api;
    this.choice = modelChoice('embed-model');
    this.first = textField('embed-first', 'First text', 'Why does dough get bigger before it is baked?');
    this.second = textField('embed-second', 'Second text', 'Yeast gives off carbon dioxide, and the bubbles make bread rise.');
    this.button = el('button', {type: 'submit'}, 'Compare');
    this.fill = el('span', {class: 'fill'});
    this.value = el('output', {id: 'cosine', class: 'big', for: 'embed-first embed-second'}, '–');
    this.note = el('p', {class: 'soft', role: 'status'}, 'The cosine of the two embeddings: 1 the same direction, 0 unrelated.');
    const result = el('div', {class: 'cosine'}, el('span', {class: 'soft'}, 'Cosine'), this.value, el('span', {class: 'meter', 'aria-hidden': 'true'}, this.fill));
    const form = el('form', {onsubmit: (event) => this.#submit(event)}, this.choice.element, el('div', {class: 'pair'}, this.first.element, this.second.element), el('div', {class: 'row'}, this.button));
    this.element = el('div', {}, form, result, this.note);
  }

  async #submit(event) {
    event.preventDefault();
    if (!this.choice.value) return setText(this.note, 'There is no embedding model here. ipfs-accelerate add --name minilm FOLDER names one.');
    this.button.disabled = true;
    setText(this.note, 'Embedding… the first time a model is measured before it runs.');
    try {
      await this.#compare();
    } catch (error) {
      this.#show(null);
      setText(this.note, error.message);
    } finally {
      this.button.disabled = false;
    }
  }

  async #compare() {
    const asked = performance.now();
    const body = {model: this.choice.value, input: [this.first.area.value, this.second.area.value]};
    // No patience of its own: a first run measures what is fastest here.
    const reply = await this.api.post('/v1/embeddings', body, new AbortController().signal);
    const vectors = reply.data.map((row) => row.embedding);
    this.#show(cosine(vectors[0], vectors[1]));
    setText(this.note, `${vectors[0].length} dimensions, ${reply.usage?.total_tokens ?? 'unknown'} tokens, ${seconds((performance.now() - asked) / 1000)} with the way there and back; measured by this page.`);
  }

  #show(value) {
    setText(this.value, value === null ? '–' : value.toFixed(3));
    this.fill.style.inlineSize = `${Math.max(0, value ?? 0) * 100}%`;
  }

  models(list) {
    this.choice.set(list);
  }
  choose(name) {
    this.choice.choose(name);
  }
  focus() {
    this.first.area.focus({preventScroll: true});
  }
}

export const embed = {
  id: 'embed',
  title: 'Compare texts',
  task: 'text-embedding',
  always: true,
  make: (api) => new EmbedPanel(api),
};
