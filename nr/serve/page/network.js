// One network: how it is, its training as it goes on, how good it is, and a form that asks it.

import { ask, listen } from './api.js';
import { bars, lines, matrix } from './charts.js';
import { count, h, number, percent, show } from './dom.js';
import { forecasts, scores } from './forecast.js';
import { error, kind, last, running } from './home.js';
import { predict } from './predict.js';

export function network(place, path, failed) {
  const view = new View(place, path, failed);
  view.begin();
  return { close: () => view.close() };
}

class View {
  constructor(place, path, failed) {
    Object.assign(this, { path, failed, net: null, points: [], shape: '' });
    this.ending = new AbortController();
    this.head = h('div', { class: 'head' });
    this.tiles = h('section', { class: 'card', 'aria-label': 'Summary' });
    this.training = h('section', { class: 'card', 'aria-label': 'Training' });
    this.asking = h('div');
    this.quality = h('div', { class: 'pair' });
    show(place, this.head, this.tiles, this.training, this.asking, this.quality);
    window.addEventListener('resize', () => this.net && this.drawTraining(this.now), { signal: this.ending.signal });
  }

  close() {
    this.ending.abort();
  }

  async begin() {
    const name = encodeURIComponent(decoded(this.path));
    for (;;) {
      try {
        await listen(`events?network=${name}`, this.ending.signal, (event, found) => this.told(event, found));
      } catch (problem) {
        if (this.ending.signal.aborted) return;
        this.failed(problem);
        if (problem.status) return;
      }
      await new Promise((done) => setTimeout(done, 1000)); // the server has gone, and may come back
      if (this.ending.signal.aborted) return;
    }
  }

  told(event, found) {
    if (event === 'state') this.state(found);
    if (event === 'progress') this.progress(found);
    if (event === 'problem') this.failed(new Error(found.detail.replace(/^ERR /, '')));
  }

  async state(net) {
    const before = this.net;
    this.net = net;
    if (net.training && !(before && before.training)) this.points = [];
    this.drawHead();
    this.drawTiles();
    this.drawTraining();
    if (!before || before.trainings !== net.trainings || before.id !== net.id) await this.looked();
  }

  progress(found) {
    if (!found.cycles) return;
    this.points.push([found.cycles, found.train_error, found.test_error, found.class_errors]);
    this.now = found;
    this.drawTraining(found);
  }

  // What changes with a training alone.
  async looked() {
    const ahead = this.net.type === 'forecaster'; // which knows no importance
    const predicts = this.net.type === 'classifier' || this.net.type === 'regressor';
    const [fields, history, metrics, importance, drift] = await Promise.all(
      ['fields', 'history', 'metrics', ...(predicts ? ['importance', 'drift'] : ahead ? [] : ['importance'])].map((what) => ask('GET', `${this.path}/${what}`).catch(() => null)));
    if (!this.net.training) this.points = history ?? [];
    this.drawTraining();
    this.drawQuality(fields ?? [], metrics, importance, drift);
    if (ahead) {
      show(this.asking, await forecasts(this.net, fields ?? [], () => this.width(1), this.ending.signal));
      return;
    }
    const shape = JSON.stringify([this.net.id, fields, this.net.layout[0]]);
    if (shape !== this.shape) show(this.asking, predict(this.net, fields ?? []));
    this.shape = shape;
  }

  drawHead() {
    const net = this.net;
    const act = (text, style, work) => h('button', { class: style, onclick: () => work().then(() => this.failed(null), (problem) => this.failed(problem)) }, text);
    const post = (what, body) => () => ask('POST', `${this.path}/${what}`, body);
    show(this.head,
      h('div', {}, h('h1', {}, net.name), h('p', { class: 'sub' }, `${kind(net)} · ${count(net.parameters)} parameters`)),
      h('div', { class: 'actions' },
        net.training ? act('Stop', null, post('stop')) : act('Train', 'main', post('train', {})),
        act('Delete', 'danger', () => this.drop())));
  }

  async drop() {
    if (!window.confirm(`Delete ${this.net.name}, its samples and all it has learned?`)) return;
    await ask('DELETE', this.path);
    location.hash = '#/';
  }

  drawTiles() {
    const net = this.net;
    const tile = (name, value, more) => h('div', { class: 'tile' }, h('dt', {}, name), h('dd', {}, value, more ? h('small', {}, more) : null));
    show(this.tiles, h('dl', { class: 'tiles' },
      net.type === 'forecaster'
        ? tile('Series', count(net.train_len))
        : [tile('Training samples', count(net.train_len), `of ${count(net.train_maxlen)}`),
          tile('Testing samples', count(net.test_len), `of ${count(net.test_maxlen)}`)],
      tile(net.type === 'classifier' ? 'Wrong classes' : 'Testing loss', error(net), net.type === 'forecaster' ? 'on held-out steps' : 'on testing samples'),
      tile('Trainings', count(net.trainings), last(net))));
  }

  drawTraining(now) {
    const net = this.net;
    const column = (at) => this.points.map((point) => [point[0], point[at]]).filter(([, value]) => value !== null);
    const told = net.training
      ? running(now ? `cycle ${count(now.cycles)}` : 'begins')
      : h('span', { class: 'soft small' }, net.ended_by === 'never' ? 'not trained yet' : `ended by ${net.ended_by}`);
    const loss = [{ name: 'Training loss', points: column(1) }];
    if (net.test_len) loss.push({ name: 'Testing loss', points: column(2) });
    const two = net.type === 'classifier' && net.test_len > 0 && this.points.length > 1;
    const width = this.width(two ? 2 : 1);
    const parts = [lines(loss, 'Loss by cycle', width)];
    if (two) parts.push(lines([{ name: 'Wrong classes, %', points: column(3) }], 'Wrong classes by cycle', width));
    show(this.training, h('div', { class: 'between' }, h('h2', {}, 'Training'), told), h('div', { class: 'pair' }, parts));
  }

  // Pixels for each of so many charts, beside each other where there is room.
  width(charts) {
    const style = getComputedStyle(this.training);
    const all = this.training.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return charts === 2 && all >= 728 ? Math.floor((all - 24) / 2) : Math.floor(all);
  }

  drawQuality(fields, metrics, importance, drift) {
    const cards = [];
    if (metrics) cards.push(metrics.mase ? scores(metrics) : net_is(metrics));
    if (importance) cards.push(importances(importance, fields));
    if (drift?.watched) cards.push(drifts(drift));
    show(this.quality, cards);
  }
}

function net_is(metrics) {
  const tile = (name, value, more) => h('div', { class: 'tile' }, h('dt', {}, name), h('dd', {}, value, more ? h('small', {}, more) : null));
  const note = h('p', { class: 'soft small after' }, `Measured on ${count(metrics.samples)} testing samples.`);
  if (metrics.rmse) {
    const names = metrics.outputs ?? metrics.rmse.map((_, at) => `output ${at}`);
    return h('section', { class: 'card', 'aria-label': 'Residuals' }, h('h2', {}, 'Residuals'),
      h('div', { class: 'scroll' }, h('table', {},
        h('thead', {}, h('tr', {}, ['Output', 'RMSE', 'MAE', 'R²'].map((word) => h('th', { scope: 'col' }, word)))),
        h('tbody', {}, names.map((name, at) => h('tr', {}, h('td', { class: 'name' }, name),
          [metrics.rmse, metrics.mae, metrics.r2].map((values) => h('td', {}, number(values[at])))))))), note);
  }
  const names = metrics.classes ?? metrics.support.map((_, at) => String(at));
  return h('section', { class: 'card', 'aria-label': 'Quality' }, h('h2', {}, 'How good it is'),
    h('dl', { class: 'tiles' },
      tile('Accuracy', percent(metrics.accuracy)),
      tile('Calibration error', percent(metrics.calibration_error), 'stated against true confidence'),
      tile('Log loss', number(metrics.log_loss)),
      metrics.auc === undefined ? null : tile('AUC', number(metrics.auc))),
    metrics.confusion_matrix && names.length <= 20 ? h('div', { class: 'after' }, matrix(metrics.confusion_matrix, names)) : null, note);
}

function importances(importance, fields) {
  const pairs = Array.isArray(importance) ? importance.map((value, at) => [`input ${at}`, value]) : Object.entries(importance);
  const keys = new Set(fields.filter((one) => one.kind === 'key').map((one) => one.name));
  const rows = pairs.filter(([name]) => !keys.has(name)).map(([name, value]) => [name, value, number(value)]);
  return h('section', { class: 'card', 'aria-label': 'Importance' }, h('h2', {}, 'What it rests on'), bars(rows),
    h('p', { class: 'soft small after' }, 'By how much the loss grows when an input is shuffled.'));
}

// What samples are that came since the last training: their losses, and how far each input moved.
function drifts(drift) {
  const told = drift.alarm ? `Alarm after ${count(drift.alarm_after)} samples: the losses have risen. ` : '';
  const losses = drift.loss === null ? 'No sample was scored since the last training.'
    : `Loss of late ${number(drift.loss)}, at the last training ${number(drift.trained_loss)}, of ${count(drift.scored)} samples scored.`;
  const rows = Object.entries(drift.moved).filter(([, value]) => value !== null)
    .map(([name, value]) => [/^\d+$/.test(name) ? `input ${name}` : name, value, number(value)]);
  return h('section', { class: 'card', 'aria-label': 'Drift' }, h('h2', {}, 'Drift'), h('p', {}, told + losses), bars(rows),
    h('p', { class: 'soft small after' }, 'How far inputs have moved: below 0.1 is little, above 0.25 much.'));
}

// The name of a path, as far as it is text.
function decoded(path) {
  try {
    return decodeURIComponent(path.replace(/^\/networks\//, ''));
  } catch {
    return path;
  }
}
