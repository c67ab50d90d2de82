// Requests to the server that this page is from. A token stays in this tab.

const KEY = 'nr token';

export class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (value) => sessionStorage.setItem(KEY, value),
};

async function asked(method, path, body, signal) {
  const headers = {};
  if (token.get()) headers.Authorization = `Bearer ${token.get()}`;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const sent = body === undefined ? undefined : JSON.stringify(body);
  let response;
  try {
    response = await fetch(path.replace(/^\//, ''), { method, headers, body: sent, signal, cache: 'no-store' });
  } catch (error) {
    if (signal && signal.aborted) throw error;
    throw new Problem(0, 'The server does not answer.');
  }
  if (!response.ok) throw new Problem(response.status, await detail(response));
  return response;
}

async function detail(response) {
  try {
    return (await response.json()).detail.replace(/^ERR /, '');
  } catch {
    return `${response.status} ${response.statusText}`;
  }
}

export async function ask(method, path, body) {
  const response = await asked(method, path, body);
  return response.status === 204 ? null : response.json();
}

// Server-sent events, until the signal ends them. EventSource could send no token.
export async function listen(path, signal, told) {
  const response = await asked('GET', path, undefined, signal);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const blocks = text.split('\n\n');
    text = blocks.pop();
    for (const block of blocks) {
      const lines = new Map(block.split('\n').map((line) => [line.split(': ', 1)[0], line]));
      if (lines.has('data')) told(lines.get('event').slice(7), JSON.parse(lines.get('data').slice(6)));
    }
  }
}
