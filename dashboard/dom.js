// SPDX-License-Identifier: Apache-2.0
// Elements from values. Whatever comes from the node goes in as text, never as HTML: there is no other way in here.

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined).map((child) => child instanceof Node ? child : String(child)));
  return element;
}

/** el('button', {class: 'quiet', onclick: f}, 'Text', otherElement) */
export function el(tag, properties = {}, ...children) {
  return fill(document.createElement(tag), properties, children);
}

export function svg(tag, properties = {}, ...children) {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), properties, children);
}

export function byId(id) {
  return document.getElementById(id);
}

/** Replaces what is in `parent`, unless it would look the same: then focus and selection in it stay. */
export function put(parent, ...children) {
  const next = el('div', {}, ...children);
  if (parent.isEqualNode(next) || sameChildren(parent, next)) return;
  parent.replaceChildren(...next.childNodes);
}

function sameChildren(a, b) {
  return a.childNodes.length === b.childNodes.length && [...a.childNodes].every((child, i) => child.isEqualNode(b.childNodes[i]));
}

export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
