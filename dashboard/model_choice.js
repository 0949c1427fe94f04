// SPDX-License-Identifier: Apache-2.0
// A choice among models by name.
import {el, put} from './dom.js';

/** `id` of the select. Says so when there is no model. */
export function modelChoice(id) {
  const select = el('select', {id});
  return {
    element: el('label', {class: 'field', for: id}, 'Model', select),
    get value() {
      return select.value;
    },
    set(list) {
      const before = select.value;
      const names = list.length > 0 ? list.map((model) => el('option', {value: model.name}, model.name)) : [el('option', {value: ''}, 'none here')];
      put(select, ...names);
      if (list.some((model) => model.name === before)) select.value = before;
      select.disabled = list.length === 0;
    },
    choose(name) {
      select.value = name;
    },
  };
}
