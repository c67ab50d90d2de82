// Digits are drawn, made as small as those that are known, and recognised. digits.bin has 1797 of them, 64
// pixels from 0 to 16 and then the digit, a byte each: "Optical Recognition of Handwritten Digits" by
// E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.
import * as nr from "../../js/src/index.js";
import { bars, byId } from "./page.js";

const [SIDE, BLOCK] = [8, 4]; // pixels of a digit, and as many finer ones in each, as in the data
const paper = byId("paper");
const ink = paper.getContext("2d", { willReadFrequently: true });
let net;

// ---- drawing ----

function clear() {
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, paper.width, paper.height);
  byId("digit").replaceChildren();
  byId("answers").replaceChildren();
}

let from = null; // where the pen was

function draw({ offsetX: x, offsetY: y, buttons }) {
  if (!buttons) return (from = null);
  Object.assign(ink, { lineWidth: 26, lineCap: "round", strokeStyle: "#111" });
  ink.beginPath();
  ink.moveTo(...(from ?? [x, y]));
  ink.lineTo(x, y);
  ink.stroke();
  from = [x, y];
  answer();
}

/** The edges of what is drawn; null where nothing is. */
function edges({ data, width, height }) {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let at = 0; at < width * height; at++) {
    if (data[4 * at] > 127) continue;
    const [x, y] = [at % width, Math.floor(at / width)];
    [left, top, right, bottom] = [Math.min(left, x), Math.min(top, y), Math.max(right, x), Math.max(bottom, y)];
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** What is drawn as 64 numbers from 0 to 16, the dark ones among 16 finer pixels each. */
function pixels() {
  const found = edges(ink.getImageData(0, 0, paper.width, paper.height));
  if (!found) return null;
  const fine = SIDE * BLOCK;
  const scale = fine / Math.max(found.width, found.height);
  const [width, height] = [found.width * scale, found.height * scale];
  const small = new OffscreenCanvas(fine, fine).getContext("2d");
  small.fillStyle = "#fff";
  small.fillRect(0, 0, fine, fine);
  small.drawImage(paper, found.left, found.top, found.width, found.height, (fine - width) / 2, (fine - height) / 2, width, height);
  const { data } = small.getImageData(0, 0, fine, fine);
  const row = new Array(SIDE * SIDE).fill(0);
  for (let at = 0; at < fine * fine; at++) {
    const [x, y] = [at % fine, Math.floor(at / fine)];
    if (data[4 * at] < 128) row[Math.floor(y / BLOCK) * SIDE + Math.floor(x / BLOCK)]++;
  }
  return row;
}

// ---- answering and learning ----

function answer() {
  const row = pixels();
  if (!row || !net.info().cycles) return;
  const start = performance.now();
  const chances = net.run(row);
  const micros = Math.round(1000 * (performance.now() - start));
  const best = chances.indexOf(Math.max(...chances));
  byId("digit").innerHTML = `${best} <small>in ${micros} µs</small>`;
  bars(byId("answers"), chances.map((chance, digit) => [digit, chance]));
}

async function learn() {
  byId("learn").disabled = true;
  const onProgress = ({ cycles, classErrors }) => tell(`It learns: ${cycles} cycles, ${classErrors.toFixed(1)} % of the testing digits are wrong.`);
  await net.train({ onProgress });
  const { classErrors, trainLen, testLen } = net.info();
  tell(`It has learned from ${trainLen} digits; of ${testLen} others ${classErrors.toFixed(1)} % are wrong.`);
  byId("learn").disabled = false;
  answer();
}

async function known() {
  const bytes = new Uint8Array(await (await fetch("digits.bin")).arrayBuffer());
  const rows = Array.from({ length: bytes.length / 65 }, (_, i) => bytes.subarray(65 * i, 65 * i + 65));
  return [rows.map((row) => row.subarray(0, 64)), rows.map((row) => row[64])];
}

async function was(digit) {
  const row = pixels();
  if (!row) return;
  await net.observe(row, digit, { to: "train" });
  tell(`Kept: a ${digit}. It is learned with the others.`);
  clear();
}

const tell = (text) => (byId("told").textContent = text);
const wrong = (error) => (byId("wrong").textContent = error.message);

try {
  clear();
  const db = await nr.open("indexeddb:digits");
  net = db.has("digits") ? db.network("digits") : await db.create("digits", "classifier", [64, 30, 10], { members: 1, seed: 1 });
  if (!net.info().trainLen) await net.observeMany(...(await known()));
  for (const event of ["pointerdown", "pointermove", "pointerup"]) paper.addEventListener(event, draw);
  byId("clear").onclick = clear;
  byId("learn").onclick = () => learn().catch(wrong);
  for (let digit = 0; digit < 10; digit++) {
    const button = byId("was").appendChild(document.createElement("button"));
    button.textContent = digit;
    button.onclick = () => was(digit).catch(wrong);
  }
  if (net.info().cycles) tell("It was learned before, and kept in this browser.");
  else await learn();
} catch (error) {
  wrong(error);
}
