// What both pages have.
export const byId = (id) => document.getElementById(id);

/** Bars of names and probabilities; the longest stands out. */
export function bars(place, rows) {
  const most = Math.max(...rows.map(([, value]) => value));
  place.replaceChildren(...rows.map(([name, value]) => {
    const row = document.createElement("div");
    row.className = value === most ? "answer best" : "answer";
    const [label, track, number] = ["span", "div", "span"].map((kind) => row.appendChild(document.createElement(kind)));
    label.textContent = name;
    track.className = "track";
    track.appendChild(document.createElement("div")).style.width = `${100 * value}%`;
    number.className = "number";
    number.textContent = `${(100 * value).toFixed(0)} %`;
    return row;
  }));
}
