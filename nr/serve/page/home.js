// All networks, and the trainings that run or wait.

import { ask } from './api.js';
import { count, h, number, show } from './dom.js';

export function home(place) {
  const networks = h('section', { class: 'card', 'aria-label': 'Networks' });
  const trainings = h('section', { class: 'card', 'aria-label': 'Trainings' });
  const search = h('input', { type: 'search', placeholder: 'Find by name', 'aria-label': 'Find networks', oninput: () => look() });
  show(place,
    h('div', { class: 'head' }, h('div', {}, h('h1', {}, 'Networks')),
      h('div', { class: 'actions' }, search, h('a', { class: 'button main', href: '#/new' }, 'New network'))),
    networks, trainings);
  const look = async () => {
    const wanted = search.value.trim();
    const pattern = wanted && !/[*?[]/.test(wanted) ? `*${wanted}*` : wanted || '*';
    const found = await ask('GET', `networks?limit=200&pattern=${encodeURIComponent(pattern)}`);
    show(networks, found.networks.length ? table(found.networks) : none(wanted),
      found.after ? h('p', { class: 'soft small after' }, 'There are more: find them by name.') : null);
    show(trainings, h('h2', {}, 'Trainings and workers'), orders(await ask('GET', 'trainings')));
  };
  return { look, every: 2000 };
}

function none(wanted) {
  if (wanted) return h('p', { class: 'empty' }, 'No network has such a name.');
  return h('div', { class: 'empty' }, h('p', {}, 'There are no networks yet.'),
    h('a', { class: 'button main', href: '#/new' }, 'Make the first one'));
}

function table(networks) {
  const head = ['Name', 'Kind', 'Samples', 'Error', 'Last training'];
  const left = (at) => (at === 1 || at === 4 ? 'left optional' : null);
  return h('div', { class: 'scroll' }, h('table', {},
    h('thead', {}, h('tr', {}, head.map((word, at) => h('th', { scope: 'col', class: left(at) }, word)))),
    h('tbody', {}, networks.map((net) => h('tr', {},
      h('td', { class: 'name' }, h('a', { href: `#${net.path}` }, net.name)),
      h('td', { class: 'left optional' }, kind(net)),
      h('td', {}, net.type === 'forecaster' ? `${count(net.train_len)} series` : count(net.train_len + net.test_len)),
      h('td', {}, error(net)),
      h('td', { class: 'left optional' }, net.training ? running() : last(net)))))));
}

export function kind(net) {
  const fields = net.fields.length ? several(net.fields.length - 1, 'field') : net.layout.join('-');
  return `${net.type}, ${fields}`;
}

const several = (n, what) => `${count(n)} ${what}${n === 1 ? '' : 's'}`;

export function error(net) {
  if (net.ended_by === 'never') return '–';
  return net.class_errors === null || net.class_errors === undefined ? number(net.test_error) : `${number(net.class_errors)}%`;
}

export function last(net) {
  return net.last_training === 'never' ? 'not trained yet' : net.last_training;
}

export function running(text = 'training') {
  return h('span', { class: 'live' }, h('span', { class: 'dot' }), text);
}

function orders(found) {
  if (!found.length) return h('p', { class: 'soft' }, 'No training runs or waits.');
  const head = ['Network', 'State', 'Worker', 'Attempt', 'Cycles', 'Training loss', 'Testing loss'];
  return h('div', { class: 'scroll' }, h('table', {},
    h('thead', {}, h('tr', {}, head.map((word, at) => h('th', { scope: 'col', class: at < 3 ? 'left' : null }, word)))),
    h('tbody', {}, found.map((one) => h('tr', {},
      h('td', { class: 'name' }, one.network),
      h('td', { class: 'left' }, one.state === 'running' ? running('running') : one.state),
      h('td', { class: 'left' }, one.worker),
      h('td', {}, String(one.attempt)), h('td', {}, count(one.cycles)),
      h('td', {}, number(one.train_error)), h('td', {}, number(one.test_error)))))));
}
