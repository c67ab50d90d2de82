// Which view there is, by what stands behind # in the address.

import { ask, token } from './api.js';
import { create } from './create.js';
import { h, show } from './dom.js';
import { home } from './home.js';
import { network } from './network.js';

const place = document.getElementById('view');
const state = document.getElementById('state');
const where = document.getElementById('where');
let now = {};
let timer = 0;

function open() {
  clearTimeout(timer);
  if (now.close) now.close();
  const path = location.hash.slice(1);
  tell('');
  if (path.startsWith('/networks/')) now = network(place, path, failed);
  else now = path === '/new' ? create(place) : home(place);
  show(where, path && path !== '/' ? h('a', { href: '#/' }, '‹ all networks') : null);
  document.title = path.startsWith('/networks/') ? `${place.querySelector('h1')?.textContent ?? 'network'} · nr` : 'nr';
  if (now.look) again(now);
}

async function again(view) {
  try {
    await view.look();
    if (view === now) tell('');
  } catch (problem) {
    if (view === now) failed(problem);
    if (problem.status === 401) return;
  }
  if (view === now && view.every) timer = setTimeout(() => again(view), view.every);
}

// Tells of it; null: all is well again.
function failed(problem) {
  if (problem === null) return tell('');
  if (problem.status === 401) return ask_token();
  return tell(problem.message, 'bad');
}

function tell(text, style = '') {
  state.textContent = text;
  state.className = `state ${style}`;
}

function ask_token() {
  const box = h('input', { type: 'password', name: 'token', required: true, autocomplete: 'current-password' });
  const form = h('form', { onsubmit: (event) => { event.preventDefault(); token.set(box.value); open(); } },
    h('label', {}, 'Token', box), h('div', { class: 'actions' }, h('button', { class: 'main' }, 'Open')));
  show(place, h('h1', {}, 'A token is needed'), h('section', { class: 'card' }, form,
    token.get() ? h('p', { class: 'bad-text after' }, 'This one is not known.') : null));
  box.focus();
}

window.addEventListener('hashchange', () => { open(); place.focus(); });
ask('GET', 'health').catch((problem) => failed(problem));
open();
