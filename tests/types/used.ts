/** Each call as it is meant, and what it gives: nothing here may be an error. */
import * as nr from "nr";

async function used(): Promise<void> {
  const db: nr.Database = await nr.open();
  await nr.open({ workers: false, memory: 2 ** 30, wasm: new Uint8Array(8) });
  await nr.open("indexeddb:club", { wait: false, wasm: new URL("https://host/nr.wasm") });

  const reply: nr.Reply = await db.execute("NR.INFO club");
  await db.execute("NR.RUN", "club", 1, 2n, true, new Uint8Array(4));
  const plain: nr.Network = await db.create("sums", "regressor", [2, 3, 1], { seed: 1, normalize: false, l2: null });
  const fields = { age: "number", joined: "category" };
  const club = await db.create("club", "classifier", fields, { target: ["joined"], hidden: [8, 4] });
  const [there, names, gone]: [boolean, string[], boolean] = [db.has("club"), db.names(), await db.delete("club")];
  const copy: nr.Network = await db.restore("copy", club.dump(), { replace: true });
  db.check("NR.OBSERVE", "club", "age=3");

  const counts: nr.Counts = await plain.observe([1, 2], 3, { to: "test" });
  await plain.observe(Float32Array.of(1, 2), [3]);
  await club.observe({ age: 3, since: new Date(), vector: Float32Array.of(1), joined: null }, undefined, { weight: 2, to: "train" });
  await plain.observeMany([[1, 2], Float32Array.of(3, 4)], [3, [7]], { to: "test" });
  await club.observeMany([{ age: 3, joined: "yes" }]);

  const outputs: number[] = plain.run([1, 2]);
  const one: number[] = plain.run(5);
  const tables: number[][] = plain.run([[1, 2]]);
  const byName: Record<string, number> = club.run({ age: 3 });
  const byNames: Record<string, number>[] = club.run([{ age: 3 }]);
  const [lower, value, upper]: nr.Interval = plain.run([1, 2], { interval: 0.9 })[0]!;
  const many: nr.Interval[][] = plain.run([[1, 2]], { interval: 0.9 });
  const named: nr.Interval | undefined = club.run({ age: 3 }, { interval: 0.9 })["rent"];
  const nameds: Record<string, nr.Interval>[] = club.run([{ age: 3 }], { interval: 0.9 });
  const id: number = plain.classify([1, 2]);
  const ids: number[] = plain.classify([[1, 2]]);
  const name: string = club.classify({ age: 3 });
  const all: string[] = club.classify([{ age: 3 }]);
  const sure: string | null = club.classify({ age: 3 }, { sure: 0.9 });
  const sures: (number | null)[] = plain.classify([[1, 2]], { sure: 0.9 });

  const { of, attributions }: nr.Explanation = club.explain({ age: 3 }, { top: 3, of: "yes" });
  const text: string = club.generate("the", { length: 5, temperature: 0.5, top: 3, seed: 4 });
  const { logProbability, perplexity }: nr.Score = club.score("the cat", { of: "die Katze" });
  const found: Map<string, number> = club.translate("the cat", { beam: 3, length: 9 });
  const next: nr.Reply = club.forecast("Rome", { interval: 0.9 });

  const controller = new AbortController();
  const info: nr.Info = await club.train({
    maxCycles: 5, timeout: 0, autostop: true, backtrack: false, signal: controller.signal,
    onProgress: ({ cycles, testError }) => console.log(cycles + testError),
  });
  const stopped: boolean = await club.stop();
  const { layout, endedBy, fields: there2 } = club.info();
  const [field]: nr.Field[] = club.fields();
  const importance = club.importance();
  const moved: Record<string, number | null> = club.drift().moved;
  const options: Record<string, string> = await club.configure({ batch: 7, l2: null });
  await club.addFields({ city: "category" });
  await club.dropFields("city", "age");
  await club.forget({ customer: "c17" });
  await club.reset();
  await club.clear("test");
  await club.restore(club.dump());

  const followed: nr.Followed = await db.follow("https://host/networks/club", {
    as: "mine", token: async () => "secret", poll: 30, retry: 1,
    onChange: (net) => net.run({ age: 3 }), onError: (error) => console.log(error.code),
  });
  const waiting: number = await followed.waiting();
  const problem: nr.NrError | null = followed.problem;
  const [refused] = await followed.refused();
  followed.close();
  await db.close();
  console.log(
    reply, there, names, gone, copy, counts, outputs, one, tables, byName, byNames, lower, value, upper, many, named, nameds,
    id, ids, name, all, sure, sures, of, attributions, text, logProbability, perplexity, found, next, info, stopped, layout,
    endedBy, there2, field, importance, moved, options, waiting, problem, refused?.why,
  );
}

used().catch((error: unknown) => console.log(error instanceof nr.NrError && error.code));
