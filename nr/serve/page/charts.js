// Lines and bars, drawn with SVG. The page's style gives them their colours.

import { h, number, svg } from './dom.js';

const HEIGHT = 220, LEFT = 48, BOTTOM = 24, TOP = 8;

// Lines over cycles, so many pixels wide: each is {name, points: [[cycle, value], ...]}. Losses begin
// at 0; what has another unit fills the height. A band is [[step, low, high], ...], behind the lines.
export function lines(series, label, width, { unit = 'cycle', band = [] } = {}) {
  const right = Math.max(width, 240);
  const edges = band.flatMap(([step, low, high]) => [[step, low], [step, high]]);
  const points = [...series.flatMap((one) => one.points), ...edges].filter(([, value]) => Number.isFinite(value));
  if (points.length < 2) return h('p', { class: 'soft' }, 'Nothing to draw yet.');
  const last = Math.max(...points.map(([cycle]) => cycle), 1);
  const first = Math.min(...points.map(([cycle]) => cycle));
  const values = points.map(([, value]) => value);
  const [low, top] = unit === 'cycle' ? [0, niceTop(Math.max(...values, 1e-9))] : span(Math.min(...values), Math.max(...values));
  const x = (cycle) => LEFT + ((right - LEFT) * (cycle - first)) / Math.max(1, last - first);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (top - low));
  const picture = svg('svg', { class: 'chart', width: right, height: HEIGHT, viewBox: `0 0 ${right} ${HEIGHT}`, role: 'img', 'aria-label': label });
  for (const part of [0, 0.25, 0.5, 0.75, 1]) {
    const value = low + part * (top - low), at = y(value);
    picture.append(svg('line', { class: 'grid', x1: LEFT, x2: right, y1: at, y2: at }));
    picture.append(svg('text', { x: LEFT - 8, y: at + 4, 'text-anchor': 'end' }, number(value)));
  }
  picture.append(svg('text', { x: LEFT, y: HEIGHT - 4 }, number(first)));
  picture.append(svg('text', { x: right, y: HEIGHT - 4, 'text-anchor': 'end' }, `${unit} ${number(last)}`));
  if (band.length) {
    const [lower, upper] = [1, 2].map((edge) => band.map((one) => `${x(one[0]).toFixed(1)} ${y(one[edge]).toFixed(1)}`));
    picture.append(svg('path', { class: 'band', d: `M${[...lower, ...upper.reverse()].join('L')}Z` }));
  }
  series.forEach((one, index) => {
    const path = one.points
      .filter(([, value]) => Number.isFinite(value))
      .map(([cycle, value], i) => `${i ? 'L' : 'M'}${x(cycle).toFixed(1)} ${y(Math.min(value, top)).toFixed(1)}`);
    picture.append(svg('path', { class: `line ${index ? 'second-line' : 'first-line'}`, d: path.join('') }));
  });
  return h('figure', { class: 'figure' }, legend(series), picture);
}

// Round numbers around these two, four equal parts apart.
function span(least, most) {
  let step = niceTop(Math.max((most - least) / 4, Math.abs(most) * 1e-6, 1e-9));
  const from = () => Math.floor(least / step) * step;
  while (from() + 4 * step < most) step = niceTop(step * 1.01);
  return [from(), from() + 4 * step];
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 4, 5, 8, 10, 20].map((step) => step * power).find((top) => top >= value);
}

function legend(series) {
  return h('p', { class: 'legend' }, series.map((one, index) => {
    const last = one.points.length ? one.points[one.points.length - 1][1] : null;
    return h('span', { class: index ? 'two' : 'one' }, h('i'), `${one.name} ${number(last)}`);
  }));
}

// Bars, the longest first: [[label, value, text], ...].
export function bars(rows, most = 12) {
  const sorted = [...rows].sort((a, b) => (b[1] ?? -Infinity) - (a[1] ?? -Infinity));
  const longest = Math.max(...sorted.map(([, value]) => value ?? 0), 1e-9);
  const list = h('ul', { class: 'bars' }, sorted.slice(0, most).map(([label, value, text], index) => {
    const fill = h('div', { class: 'fill' });
    fill.style.width = `${Math.max(0, (100 * (value ?? 0)) / longest)}%`;
    return h('li', { class: index ? null : 'first' },
      h('span', { class: 'label', title: label }, label),
      h('div', { class: 'track', 'aria-hidden': 'true' }, fill),
      h('span', { class: 'value' }, text));
  }));
  if (sorted.length <= most) return list;
  return h('div', {}, list, h('p', { class: 'soft small after' }, `and ${sorted.length - most} more`));
}

// A table of counts, the darker the more of its row.
export function matrix(counts, names) {
  const head = h('tr', {}, h('th', { scope: 'col' }, 'true, taken for'), names.map((name) => h('th', { scope: 'col' }, name)));
  const body = counts.map((row, r) => {
    const total = row.reduce((sum, value) => sum + value, 0) || 1;
    return h('tr', {}, h('th', { scope: 'row' }, names[r]), row.map((value) => {
      const cell = h('td', {}, String(value));
      cell.style.background = `rgb(var(--heat) / ${(0.06 + (0.5 * value) / total).toFixed(3)})`;
      return cell;
    }));
  });
  return h('div', { class: 'scroll' }, h('table', { class: 'matrix' }, h('thead', {}, head), h('tbody', {}, body)));
}
