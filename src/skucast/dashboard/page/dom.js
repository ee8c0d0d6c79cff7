// The dashboard's script, in the order that rendering.py names. This file: elements of the page, and nothing of its content.
'use strict';

function place(id) {
  return document.getElementById(id);
}

function control(name) {
  return place('filters').elements[name];
}

/** An element; texts among its children become text nodes, so no name is ever read as markup. */
function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== '') made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function option(label, value) {
  const made = element('option', {}, label);
  made.value = String(value);
  return made;
}

function quiet(text) {
  return element('span', { class: 'quiet' }, text);
}

/** Radio buttons that look like one switch; `choices` are [value, label]. */
function fillSegments(id, name, choices, chosen) {
  for (const [value, label] of choices) {
    const radio = element('input', { type: 'radio', name, value: String(value) });
    radio.defaultChecked = value === chosen;
    place(id).append(element('label', {}, radio, label));
  }
}

function smallTable(headings, lines) {
  const cell = (content, position) =>
    position ? element('td', {}, content) : element('th', { scope: 'row' }, content);
  const head = element('tr', {}, ...headings.map((heading) => element('th', { scope: 'col' }, heading)));
  const body = lines.map((line) => element('tr', {}, ...line.map(cell)));
  const table = element('table', { class: 'small' }, element('thead', {}, head), element('tbody', {}, ...body));
  return element('div', { class: 'scroll' }, table);
}

/** The table of a chart, made when it is opened; `lines` makes its rows. */
function drawTable(id, headings, lines) {
  const details = place(id);
  const fill = () => details.open && details.lastElementChild.replaceChildren(smallTable(headings, lines()));
  details.ontoggle = fill;
  fill();
}

/** The heading of a column that sorts its table; `sorted` is {key, down}. */
function sortHeader(column, sorted, sort) {
  const order = sorted.key === column.key ? { 'aria-sort': sorted.down ? 'descending' : 'ascending' } : {};
  if (!column.key) return element('th', { scope: 'col' }, column.label);
  const button = element('button', { type: 'button', title: column.title ?? '' }, column.label);
  button.addEventListener('click', () => sort(column));
  return element('th', { scope: 'col', ...order }, button);
}

/** Rows by a column, undefined ones last whichever way; equal ones stay in the order of their `index`. */
function byColumn({ key, down }) {
  return (a, b) => {
    const [left, right] = [a[key] ?? null, b[key] ?? null];
    if (left === null || right === null) return (left === null) - (right === null) || a.index - b.index;
    const order = typeof left === 'string' ? left.localeCompare(right) : left - right;
    return (down ? -order : order) || a.index - b.index;
  };
}

/** The order after a click on a heading: the other way round, or from the end where `rising` says to start. */
function nextSort(sorted, column) {
  const again = sorted.key === column.key;
  return { key: column.key, down: again ? !sorted.down : !column.rising };
}

/** Say what has changed to those who do not see it. */
function say(text) {
  place('said').textContent = text;
}

/** The colour of that name under the present theme, as the charts take it. */
function colour(name) {
  const probe = place('said');
  probe.style.color = `var(--${name})`;
  return getComputedStyle(probe).color;
}

function narrow() {
  return matchMedia('(max-width: 640px)').matches;
}

function calm() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}

function saveFile(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  element('a', { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}
