// A form made of a network's fields, that asks it.

import { ask } from './api.js';
import { bars } from './charts.js';
import { labelled } from './create.js';
import { h, number, percent, show } from './dom.js';

const FEW = 24; // inputs of a network without fields that get a box each

export function predict(net, fields) {
  const inputs = fields.length ? byName(fields.filter((one) => !one.output)) : byNumber(net.layout[0]);
  const result = h('div', { role: 'status', class: 'after' });
  const form = h('form', { onsubmit: (event) => { event.preventDefault(); run(); } },
    h('div', { class: 'fields' }, inputs.map((one) => one.label)),
    h('div', { class: 'actions' }, h('button', { class: 'main' }, 'Predict')));
  const run = async () => {
    const body = { inputs: fields.length ? Object.fromEntries(inputs.map((one) => [one.name, one.value()])) : inputs.flatMap((one) => one.value()) };
    try {
      const { outputs } = await ask('POST', `${net.path}/run`, body);
      const one = net.type === 'classifier' || Object.keys(outputs).length === 1;
      show(result, shown(net, outputs), one ? why(net, body) : null);
    } catch (error) {
      show(result, h('p', { class: 'bad-text' }, error.message));
    }
  };
  return h('section', { class: 'card', 'aria-label': 'Predict' }, h('h2', {}, 'Predict'), form, result);
}

function shown(net, outputs) {
  const pairs = Array.isArray(outputs) ? outputs.map((value, at) => [String(at), value]) : Object.entries(outputs);
  if (net.type === 'classifier') return bars(pairs.map(([name, value]) => [name, value, percent(value)]), 10);
  return h('dl', { class: 'tiles' }, pairs.map(([name, value]) =>
    h('div', { class: 'tile' }, h('dt', {}, pairs.length > 1 || !/^\d+$/.test(name) ? name : 'output'), h('dd', {}, number(value)))));
}

// What the answer rests on, for who asks.
function why(net, body) {
  const told = h('div', { role: 'status', class: 'after' });
  const explain = async () => {
    try {
      show(told, explained(net, await ask('POST', `${net.path}/explain`, body)));
    } catch (error) {
      show(told, h('p', { class: 'bad-text' }, error.message));
    }
  };
  return h('div', { class: 'after' }, h('button', { type: 'button', onclick: explain }, 'Why?'), told);
}

function explained(net, found) {
  const plain = !net.fields || !net.fields.length;
  const rows = Object.entries(found.attributions).map(([name, value]) =>
    [plain ? `Input ${name}` : name, Math.abs(value), `${value < 0 ? '−' : '+'}${number(Math.abs(value))}`]);
  const unit = found.kind === 'class' ? `in log-odds of ${found.of}` : 'in its unit';
  return h('div', {}, h('p', { class: 'soft small' },
    `From ${number(found.baseline)}, the mean answer, to ${number(found.prediction)}, ${unit}: what each adds`), bars(rows));
}

function byNumber(width) {
  if (width > FEW) {
    const box = h('textarea', { placeholder: `${width} numbers` });
    const label = labelled('Inputs, in their order', box);
    label.className = 'wide';
    return [{ label, value: () => numbers(box.value) }];
  }
  return Array.from({ length: width }, (_, at) => {
    const box = h('input', { inputmode: 'decimal', required: true, autocomplete: 'off' });
    return { label: labelled(`Input ${at}`, box), value: () => [asNumber(box.value)] };
  });
}

function byName(fields) {
  return fields.filter((one) => one.kind !== 'key').map((field) => {
    const box = boxOf(field);
    const label = labelled(field.name, box, field.kind.replace(/\(.*/, ''));
    if (box.tagName === 'TEXTAREA') label.className = 'wide';
    return { name: field.name, label, value: () => valueOf(field.kind, box.value) };
  });
}

function boxOf(field) {
  if (field.kind === 'flag') return options(['yes', 'no']);
  if (field.kind.startsWith('category') && field.values.length && field.values.length <= 100) return options(field.values);
  if (field.kind === 'text' || field.kind.startsWith('sequence') || field.kind.startsWith('vector')) return h('textarea', { rows: 2 });
  if (field.kind === 'number') return h('input', { inputmode: 'decimal', autocomplete: 'off' });
  if (field.kind === 'time') return h('input', { placeholder: '2026-11-27T10:00Z', autocomplete: 'off' });
  return h('input', { autocomplete: 'off' });
}

function options(values) {
  return h('select', {}, h('option', { value: '' }, 'not known'), values.map((value) => h('option', { value }, value)));
}

// What is left out is missing, which is normal.
function valueOf(kind, text) {
  if (text.trim() === '') return null;
  if (kind === 'number') return asNumber(text);
  if (kind === 'flag') return text === 'yes';
  if (kind.startsWith('vector') || /^sequence(\(\d+\))?$/.test(kind)) return text.includes('[') ? parsed(text) : numbers(text);
  return text;
}

function asNumber(text) {
  const found = Number(text);
  return text.trim() === '' || Number.isNaN(found) ? text : found;
}

const numbers = (text) => text.split(/[\s,;]+/).filter(Boolean).map(asNumber);

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
