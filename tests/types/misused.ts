/** Each call in a way that it is not meant: every one must be an error, or the compiler says that it is none. */
import * as nr from "nr";

async function misused(db: nr.Database, net: nr.Network, followed: nr.Followed): Promise<void> {
  // @ts-expect-error: a store has an address
  await nr.open(5);
  // @ts-expect-error: workers are wanted or not
  await nr.open({ workers: "two" });
  // @ts-expect-error: there is no such option
  await nr.open({ worker: false });
  // @ts-expect-error: a word of a command is no object
  await db.execute("NR.INFO", { key: "club" });
  // @ts-expect-error: there is no such type
  await db.create("net", "perceptron", [1, 1]);
  // @ts-expect-error: a layout is no text
  await db.create("net", "regressor", "2 -> 1");
  // @ts-expect-error: a field's kind is a text
  await db.create("net", "regressor", { age: 5 });
  // @ts-expect-error: a target is a field's name
  await db.create("net", "regressor", { age: "number" }, { target: 5 });
  // @ts-expect-error: a name is a text
  db.network(5);
  // @ts-expect-error: a name is a text
  db.has(null);
  // @ts-expect-error: it is a promise
  const gone: boolean = db.delete("net");
  // @ts-expect-error: a dump is bytes
  await db.restore("net", "dump");
  // @ts-expect-error: a URL is a text
  await db.follow(new URL("https://host/networks/club"));
  // @ts-expect-error: seconds are a number
  await db.follow("https://host/networks/club", { poll: "60" });
  // @ts-expect-error: numbers, or a row
  await net.observe("1 2", 3);
  // @ts-expect-error: there are two datasets
  await net.observe([1, 2], 3, { to: "validation" });
  // @ts-expect-error: a weight is a number
  await net.observe({ age: 3 }, undefined, { weight: "2" });
  // @ts-expect-error: outputs are missing
  await net.observeMany([[1, 2]]);
  // @ts-expect-error: a function is no value
  await net.observeMany([{ age: () => 3 }]);
  // @ts-expect-error: numbers, or a row
  net.run("1 2");
  // @ts-expect-error: a probability is a number
  net.run([1, 2], { interval: "0.9" });
  // @ts-expect-error: with an interval it is three numbers
  const output: number = net.run({ age: 3 }, { interval: 0.9 })["rent"]!;
  // @ts-expect-error: run has intervals, classify is sure
  net.run([1, 2], { sure: 0.9 });
  // @ts-expect-error: who is to be sure may get none
  const name: string = net.classify({ age: 3 }, { sure: 0.9 });
  // @ts-expect-error: a class of a row with fields has a name
  const id: number = net.classify({ age: 3 });
  // @ts-expect-error: numbers, or a row
  net.classify(null);
  // @ts-expect-error: so many fields are a number
  net.explain({ age: 3 }, { top: "all" });
  // @ts-expect-error: a prompt is a text
  net.generate(5);
  // @ts-expect-error: a seed is a number
  net.generate("the", { seed: "4" });
  // @ts-expect-error: a text is needed
  net.score();
  // @ts-expect-error: what it goes with is a text
  net.score("the cat", { of: 5 });
  // @ts-expect-error: a text is needed
  net.translate(["the", "cat"]);
  // @ts-expect-error: a beam is a number
  net.translate("the cat", { beam: "wide" });
  // @ts-expect-error: a Map is no object of values
  net.translate("the cat")["die Katze"];
  // @ts-expect-error: a series has a name
  net.forecast(5);
  // @ts-expect-error: cycles are a number
  await net.train({ maxCycles: "5" });
  // @ts-expect-error: it hears, and is no text
  await net.train({ onProgress: "loud" });
  // @ts-expect-error: there is no such option
  await net.train({ epochs: 5 });
  // @ts-expect-error: a controller is no signal
  await net.train({ signal: new AbortController() });
  // @ts-expect-error: it is a promise
  const info: nr.Info = net.train();
  // @ts-expect-error: it may be null
  net.metrics().loss;
  // @ts-expect-error: it may be an array, an object or null
  net.importance()["age"];
  // @ts-expect-error: kinds are texts
  await net.addFields({ city: 5 });
  // @ts-expect-error: names are texts
  await net.dropFields(5);
  // @ts-expect-error: an option's value is no object
  await net.configure({ batch: {} });
  // @ts-expect-error: values by field are needed
  await net.forget("c17");
  // @ts-expect-error: there are two datasets
  await net.clear("all");
  // @ts-expect-error: a dump is bytes
  await net.restore(5);
  // @ts-expect-error: a network keeps its name
  net.name = "other";
  // @ts-expect-error: it is read, not set
  followed.problem = null;
  console.log(gone, output, name, id, info);
}

console.log(misused);
