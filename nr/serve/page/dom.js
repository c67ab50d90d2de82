// Elements from names, attributes and children. Text goes in as text alone: nothing is parsed as HTML.

const SVG = 'http://www.w3.org/2000/svg';

export function h(name, attributes = {}, ...children) {
  return filled(document.createElement(name), attributes, children);
}

export function svg(name, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, name), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

export function show(place, ...children) {
  place.replaceChildren(...children.flat().filter(Boolean));
}

const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 4 });
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const number = (value) => (value === null || value === undefined ? '–' : short.format(value));
export const count = (value) => whole.format(value);
export const percent = (part) => (part === null || part === undefined ? '–' : `${(100 * part).toFixed(1)}%`);
