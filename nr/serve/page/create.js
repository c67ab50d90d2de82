// A form that makes a network.

import { ask } from './api.js';
import { h, show } from './dom.js';

const KINDS = ['number', 'category', 'flag', 'time', 'text', 'key', 'sequence', 'sequence(category)', 'sequence(word)'];

export function create(place) {
  const rows = h('fieldset', { class: 'wide' }, h('legend', {}, 'Fields'));
  const add = (name = '', kind = 'number', output = false) => rows.append(row(name, kind, output));
  const failed = h('p', { class: 'bad-text', role: 'alert' });
  const form = h('form', { onsubmit: (event) => { event.preventDefault(); make(form, failed); } },
    h('div', { class: 'fields' },
      labelled('Name', h('input', { name: 'name', required: true, autocomplete: 'off' })),
      labelled('Answers', choice('type', ['classifier', 'regressor'], ['a class', 'a number'])),
      labelled('Inputs', choice('by', ['fields', 'layout'], ['fields with names', 'numbers in their order'], (event) => {
        form.dataset.by = event.target.value;
        rows.hidden = event.target.value !== 'fields';
        layout.hidden = !rows.hidden;
        more.hidden = rows.hidden;
      }))),
    rows);
  const layout = labelled('Units of each layer, inputs first', h('input', { name: 'layout', placeholder: '2, 3, 1' }));
  layout.hidden = true;
  add(); add('', 'category'); add('', 'category', true);
  const more = h('button', { type: 'button', onclick: () => add() }, 'Add a field');
  form.append(layout, h('div', { class: 'actions' }, more, h('button', { class: 'main' }, 'Create')), failed);
  show(place, h('div', { class: 'head' }, h('div', {}, h('h1', {}, 'New network'))), h('section', { class: 'card' }, form));
  form.elements.name.focus();
  return {};
}

function row(name, kind, output) {
  const kinds = h('input', { list: 'kinds', value: kind, 'aria-label': 'Kind', class: 'kind' });
  const list = document.getElementById('kinds') ? null : h('datalist', { id: 'kinds' }, KINDS.map((word) => h('option', { value: word })));
  const found = h('div', { class: 'row' },
    h('input', { value: name, placeholder: 'name', 'aria-label': 'Name of a field', class: 'field' }), kinds,
    h('label', { class: 'check' }, h('input', { type: 'checkbox', class: 'output', checked: output }), 'to be learned'),
    h('button', { type: 'button', 'aria-label': 'Remove this field', onclick: () => found.remove() }, '×'), list);
  return found;
}

async function make(form, failed) {
  show(failed);
  const body = { type: form.elements.type.value };
  if (form.elements.by.value === 'layout') {
    body.layout = form.elements.layout.value.split(/[\s,]+/).filter(Boolean).map((word) => (/^\d+$/.test(word) ? Number(word) : word));
  } else {
    body.fields = {};
    body.target = [];
    for (const one of form.querySelectorAll('.row')) {
      const name = one.querySelector('.field').value.trim();
      if (!name) continue;
      body.fields[name] = one.querySelector('.kind').value.trim();
      if (one.querySelector('.output').checked) body.target.push(name);
    }
  }
  try {
    const made = await ask('PUT', `networks/${encodeURIComponent(form.elements.name.value)}`, body);
    location.hash = `#${made.path}`;
  } catch (error) {
    show(failed, error.message);
  }
}

export function labelled(text, input, more) {
  return h('label', {}, more ? h('div', {}, `${text} `, h('span', {}, more)) : text, input);
}

function choice(name, values, texts, changed) {
  return h('select', { name, onchange: changed }, values.map((value, at) => h('option', { value }, texts[at])));
}
