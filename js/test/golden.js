/** Goes through what tests/golden_js.py has written of the native core, in node and in browsers: whole
 * trainings, dumps that are restored and trained further, and answers, which are to have the same bits. */

/** Where two replies differ first; null: nowhere. */
function difference(found, wanted, at = "") {
  if (!Array.isArray(wanted) || !Array.isArray(found)) {
    return Object.is(found, wanted) ? null : `${at}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`;
  }
  if (found.length !== wanted.length) return `${at}: ${found.length} entries, not ${wanted.length}`;
  for (let i = 0; i < wanted.length; i++) {
    const here = difference(found[i], wanted[i], `${at}[${i}]`);
    if (here) return here;
  }
  return null;
}

async function asked(db, replies) {
  for (const [words, wanted] of replies) {
    const differs = difference(await db.execute(...words), wanted);
    if (differs) return `${words[0].slice(0, 60)}${differs}`;
  }
  return null;
}

/** What a course came to that it should not have; null: nothing. */
export async function gone(db, { done, asked: answers, dump, more, then }) {
  await db.delete("net");
  const told = done.length ? ((await asked(db, done)) ?? (await asked(db, answers))) : null;
  if (told) return told;
  await db.restore("net", Uint8Array.from(atob(dump), (letter) => letter.charCodeAt(0)), { replace: true });
  return (await asked(db, answers)) ?? (await asked(db, more)) ?? (await asked(db, then));
}
