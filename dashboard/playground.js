// SPDX-License-Identifier: Apache-2.0
// The tabs to try models in. A panel is a module with {id, title, task, always, make(api)}; make() gives {element, models(list),
// choose(name), focus()}. One that is not for always shows as soon as the node has a model of its task: another family is one
// more module and one more name in PANELS.
import {byId, el} from './dom.js';
import {chat} from './chat.js';
import {classify} from './classify.js';
import {embed} from './embed.js';
import {read} from './read.js';
import {transcribe} from './transcribe.js';

const PANELS = [chat, embed, classify, read, transcribe];

export class Playground {
  #chosen = PANELS[0].id;

  constructor(api) {
    this.panels = PANELS.map((panel) => ({...panel, view: panel.make(api)}));
    for (const panel of this.panels) {
      panel.tab = el('button', {role: 'tab', type: 'button', id: `tab-${panel.id}`, 'aria-controls': `panel-${panel.id}`, onclick: () => this.show(panel.id), onkeydown: (event) => this.#move(event)}, panel.title);
      panel.box = el('div', {role: 'tabpanel', id: `panel-${panel.id}`, 'aria-labelledby': `tab-${panel.id}`, class: 'panel'}, panel.view.element);
    }
    byId('tabs').append(...this.panels.map((panel) => panel.tab));
    byId('panels').append(...this.panels.map((panel) => panel.box));
    this.update([]);
  }

  canUse(task) {
    return this.panels.some((panel) => panel.task === task);
  }

  use(model) {
    const panel = this.panels.find((one) => one.task === model.task);
    panel.view.choose(model.name);
    this.show(panel.id);
    byId('playground').scrollIntoView();
    panel.view.focus();
  }

  update(models) {
    for (const panel of this.panels) {
      const fitting = models.filter((model) => model.task === panel.task && !model.reason);
      panel.view.models(fitting);
      panel.tab.hidden = !panel.always && fitting.length === 0;
    }
    const chosen = this.panels.find((panel) => panel.id === this.#chosen);
    this.show(chosen.tab.hidden ? PANELS[0].id : chosen.id);
  }

  show(id) {
    this.#chosen = id;
    for (const panel of this.panels) {
      const chosen = panel.id === id;
      panel.tab.setAttribute('aria-selected', String(chosen));
      panel.tab.tabIndex = chosen ? 0 : -1;
      panel.box.hidden = !chosen;
    }
  }

  #move(event) {
    const step = {ArrowRight: 1, ArrowLeft: -1}[event.key];
    if (!step) return;
    const shown = this.panels.filter((panel) => !panel.tab.hidden);
    const at = shown.findIndex((panel) => panel.id === this.#chosen);
    const next = shown[(at + step + shown.length) % shown.length];
    this.show(next.id);
    next.tab.focus();
    event.preventDefault();
  }
}
