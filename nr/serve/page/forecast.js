// What comes next of a forecaster's series, behind its latest steps.

import { ask } from './api.js';
import { lines } from './charts.js';
import { labelled } from './create.js';
import { count, h, number, show } from './dom.js';

const SERIES = 1000; // a forecaster has at most so many
const SURE = 0.9; // how often the band is to be right

export async function forecasts(net, fields, width, signal) {
  const { samples } = await ask('GET', `${net.path}/samples/train?last=${SERIES - 1}`);
  const series = samples.map((one) => one.sample);
  const outputs = fields.filter((one) => one.output).map((one) => one.name);
  const picture = h('div', { class: 'after', role: 'status' });
  const which = h('select', { onchange: () => draw() }, series.map((one, at) => h('option', { value: at }, one.series || 'the one without a name')));
  let steps, next;
  const redraw = () => next && show(picture, outputs.map((name) => drawn(name, steps[name], next[name], width())));
  const draw = async () => {
    steps = series[Number(which.value)];
    try {
      next = await asked(net, steps.series);
      redraw();
    } catch (error) {
      show(picture, h('p', { class: 'bad-text' }, error.message));
    }
  };
  const card = h('section', { class: 'card', 'aria-label': 'Forecast' }, h('h2', {}, 'Forecast'),
    series.length ? h('div', { class: 'fields' }, labelled('Series', which)) : h('p', { class: 'soft' }, 'No steps were observed yet.'), picture);
  window.addEventListener('resize', () => picture.isConnected && redraw(), { signal });
  if (series.length) draw();
  return card;
}

// With an interval where enough was held out for one.
async function asked(net, name) {
  const series = `series=${encodeURIComponent(name)}`;
  const place = `${net.path}/forecast?${name ? `${series}&` : ''}`;
  return (await ask('GET', `${place}interval=${SURE}`).catch(() => ask('GET', place))).forecast;
}

function drawn(name, steps, next, width) {
  const first = Math.max(0, steps.length - 4 * next.length);
  const past = steps.slice(first).map((value, at) => [first + at + 1, value]);
  const at = (index) => steps.length + index + 1;
  const band = next.filter(Array.isArray).map(([low, , high], index) => [at(index), low, high]);
  const values = next.map((value, index) => [at(index), Array.isArray(value) ? value[1] : value]);
  const ahead = [...past.slice(-1), ...values];
  const chart = lines([{ name, points: past }, { name: 'Forecast', points: ahead }], `${name}: latest steps and forecast`, width, { unit: 'step', band });
  return h('div', {}, chart, band.length ? h('p', { class: 'soft small after' }, `Each value is within the band with a probability of ${SURE * 100}%.`) : null);
}

export function scores(metrics) {
  const names = metrics.outputs ?? metrics.mase.map((_, at) => `output ${at}`);
  const head = ['Output', 'MASE', 'naive', 'RMSE', 'naive'];
  const columns = [metrics.mase, metrics.naive_mase, metrics.rmse, metrics.naive_rmse];
  return h('section', { class: 'card', 'aria-label': 'Quality' }, h('h2', {}, 'How good it is'),
    h('div', { class: 'scroll' }, h('table', {},
      h('thead', {}, h('tr', {}, head.map((word, at) => h('th', { scope: 'col', class: at > 2 ? 'optional' : null }, word)))),
      h('tbody', {}, names.map((name, at) => h('tr', {}, h('td', { class: 'name' }, name),
        columns.map((values, column) => h('td', { class: column > 1 ? 'optional' : null }, number(values?.[at]?.[0])))))))),
    h('p', { class: 'soft small after' }, `Over all steps ahead, from ${count(metrics.samples)} held-out windows; naive is the value a season (${count(metrics.season)} steps) ago.`));
}
