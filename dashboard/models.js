// SPDX-License-Identifier: Apache-2.0
// The table of models: those with a name, and those that are loaded.
import {byId, el, put, setText} from './dom.js';
import {bytes, clipped, shortCid, UNKNOWN} from './format.js';

/** Stored and loaded models as one list; a loaded one without a name comes last. */
export function merged(stored, loaded) {
  const rows = stored.map((model) => ({...model, loaded: loaded.filter((one) => one.cid === model.cid)}));
  const known = new Set(stored.map((model) => model.cid));
  const others = loaded.filter((one) => !known.has(one.cid));
  return [...rows, ...others.map((one) => ({name: one.name, cid: one.cid, task: one.task, bytes: one.bytes, loaded: [one]}))];
}

function stateOf(model) {
  if (model.reason) return [el('span', {class: 'soft'}, clipped(model.reason, 160))];
  if (model.loaded.length === 0) return [el('span', {class: 'soft'}, 'stored')];
  return model.loaded.map((one) => {
    const facts = [one.engine, one.device, one.precision, one.threads === 1 ? '1 thread' : `${one.threads} threads`, bytes(one.bytes)];
    if (one.kv_bytes) facts.push(`${bytes(one.kv_bytes)} cache`);
    if (one.running || one.waiting) facts.push(`${one.running} running, ${one.waiting} waiting`);
    return el('div', {}, el('span', {class: 'tag'}, 'loaded'), ' ', facts.filter(Boolean).map((fact) => clipped(fact, 40)).join(' · '));
  });
}

function licenceOf(shown) {
  const licence = shown.licence ?? shown.license ?? shown.from?.licence ?? shown.from?.license;
  return licence ? clipped(licence) : UNKNOWN;
}

function facts(shown) {
  const variants = (shown.variants ?? []).map((one) => [one.precision, one.format, one.engine && `for ${one.engine}`, `(${bytes(one.bytes)})`].filter(Boolean).join(' '));
  const pairs = [
    ['CID', shown.cid],
    ['Licence', licenceOf(shown)],
    ['Family', shown.family],
    ['Came from', [shown.from?.source, shown.from?.revision].filter(Boolean).join(' @ ') || UNKNOWN],
    ['Variants', variants.join('; ') || UNKNOWN],
    ['Files', (shown.files ?? []).slice(0, 20).map((file) => `${clipped(file.path, 60)} (${bytes(file.bytes)})`).join(', ')],
  ];
  return el('dl', {}, pairs.map(([name, value]) => [el('dt', {}, name), el('dd', {}, clipped(value, 1000))]));
}

export class ModelTable {
  #details = new Map(); // By CID: what models.show told, or why it did not.

  /** use(model): the playground takes it; canUse(task): whether it could. */
  constructor(api, {use, canUse}) {
    this.api = api;
    this.use = use;
    this.canUse = canUse;
    this.rows = [];
  }

  async #toggle(model) {
    if (this.#details.delete(model.cid)) return this.draw();
    this.#details.set(model.cid, 'Asking…');
    this.draw();
    let told;
    try {
      told = await this.api.call('models.show', {model: model.cid});
    } catch (error) {
      told = error.message;
    }
    if (this.#details.has(model.cid)) this.#details.set(model.cid, told);
    this.draw();
  }

  #row(model) {
    const open = this.#details.has(model.cid);
    const name = clipped(model.name || shortCid(model.cid), 80);
    const copy = el('button', {class: 'quiet mono', type: 'button', title: `Copy ${model.cid}`, 'aria-label': `Copy the CID of ${name}`, onclick: () => navigator.clipboard?.writeText(model.cid)}, shortCid(model.cid));
    const actions = [el('button', {class: 'quiet', type: 'button', 'aria-expanded': String(open), 'aria-label': `Details of ${name}`, onclick: () => this.#toggle(model)}, open ? 'Less' : 'Details')];
    if (this.canUse(model.task)) actions.unshift(el('button', {type: 'button', 'aria-label': `Try ${name}`, onclick: () => this.use(model)}, 'Try'));
    const cell = (label, properties, ...children) => el('td', {'data-label': label, ...properties}, ...children);
    const task = model.task && model.task !== '-' ? model.task : 'no model';
    return el('tr', {}, el('th', {scope: 'row', class: 'name'}, name), cell('Task', {}, clipped(task, 60)), cell('Size', {class: 'number'}, bytes(model.bytes)), cell('CID', {}, copy), cell('State', {class: 'state'}, stateOf(model)), el('td', {class: 'actions'}, actions));
  }

  #detailRow(model) {
    const told = this.#details.get(model.cid);
    if (told === undefined) return null;
    return el('tr', {class: 'details'}, el('td', {colspan: 6}, typeof told === 'string' ? told : facts(told)));
  }

  update(stored, loaded) {
    this.rows = merged(stored, loaded);
    this.draw();
  }

  draw() {
    const count = this.rows.filter((model) => !model.reason).length;
    setText(byId('models-note'), count === 1 ? 'One model has a name here or is loaded.' : `${count} models have a name here or are loaded.`);
    const none = el('tr', {}, el('td', {colspan: 6, class: 'soft'}, 'None yet. ', el('code', {}, 'ipfs-accelerate add --name NAME FOLDER'), ' names one that is on this machine, ', el('code', {}, 'ipfs-accelerate pull'), ' fetches one.'));
    const seen = new Set();
    const rows = this.rows.flatMap((model) => {
      const row = this.#row(model);
      if (seen.has(model.cid)) return [row];
      seen.add(model.cid);
      return [row, this.#detailRow(model)];
    });
    put(byId('model-rows'), ...(rows.length > 0 ? rows : [none]));
  }
}
