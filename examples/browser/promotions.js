// Follows a server's network, given as ?server=http://host/networks/NAME, and answers as one types.
import * as nr from "../../js/src/index.js";
import { bars, byId } from "./page.js";

const PROMOTIONS = ["coffee", "books", "club"];
const visitor = byId("visitor");
let net;
let best;

function read() {
  const { age, member, hour } = visitor.elements;
  for (const input of [age, hour]) input.nextElementSibling.value = input.value;
  return { age: Number(age.value), member: member.checked, hour: Number(hour.value) };
}

/** How likely this visitor is to click each promotion, by one call for all of them. */
function answer() {
  const who = read();
  const start = performance.now();
  const chances = net.run(PROMOTIONS.map((promotion) => ({ ...who, promotion }))).map(({ yes }) => yes);
  const micros = Math.round(1000 * (performance.now() - start));
  best = PROMOTIONS[chances.indexOf(Math.max(...chances))];
  byId("shown").textContent = best;
  bars(byId("answers"), PROMOTIONS.map((name, i) => [name, chances[i]]));
  tell(`answered in ${micros} µs`);
}

async function tell(what) {
  const { trainings } = net.info();
  const waiting = await net.waiting();
  const link = net.problem ? "no connection" : "connected";
  byId("told").textContent = `${link} · ${trainings} trainings so far · ${waiting} clicks to be posted${what && ` · ${what}`}`;
}

async function clicked(yes) {
  await net.observe({ ...read(), promotion: best, clicked: yes ? "yes" : "no" });
  await tell("kept on this device");
}

const wrong = (error) => (byId("wrong").textContent = error?.message ?? "");

try {
  const server = new URLSearchParams(location.search).get("server");
  if (!server) throw new nr.NrError("ERR this page follows ?server=http://host/networks/NAME: start serve.py, which says its address");
  const db = await nr.open("indexeddb:promotions");
  net = await db.follow(server, { onChange: answer, onError: () => tell("tries again") });
  visitor.addEventListener("input", answer);
  byId("yes").onclick = () => clicked(true).catch(wrong);
  byId("no").onclick = () => clicked(false).catch(wrong);
  setInterval(() => tell("").catch(wrong), 1000);
  answer();
} catch (error) {
  wrong(error);
}
