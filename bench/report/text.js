// Text: numbers as people write them, tokens as people can see them, elements without markup.

/** Makes an element. Strings become text, never markup: tokens and file names may hold anything. */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const known = (value) => typeof value === 'number' && Number.isFinite(value);

const whole = (value) => Math.round(value).toLocaleString('en-US');

/** A few significant digits; very small and very large numbers as powers of ten. */
function number(value, digits = 3) {
  if (!known(value)) return '–';
  if (value === 0) return '0';
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4) {
    const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
    const power = String(Number(exponent)).replace(/./g, (c) => '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'['-0123456789'.indexOf(c)]);
    const front = Number(mantissa);
    return (front === 1 ? '' : `${front} × `) + `10${power}`;
  }
  return Number(value.toPrecision(size >= 1000 ? 4 : digits)).toLocaleString('en-US', {maximumFractionDigits: 6});
}

/** A share as per cent: 12.3 %, 0.021 %. */
function percent(share, digits = 3) {
  if (!known(share)) return '–';
  if (share !== 0 && Math.abs(share) < 1e-6) return `${number(share * 100, 1)} %`;
  return `${Number((share * 100).toPrecision(digits)).toLocaleString('en-US', {maximumFractionDigits: 5})} %`;
}

/** Large counts in axis labels: 1.5 M, 200 k. */
function short(value) {
  const scales = [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']];
  for (const [size, letter] of scales) {
    if (Math.abs(value) >= size) return `${Number((value / size).toPrecision(3))} ${letter}`;
  }
  return number(value, 2);
}

const kNames = new Map([['\n', '↵'], ['\r', '␍'], ['\t', '⇥'], ['\u007f', '␡']]);
// Control characters, zero-width and direction marks, line separators, private use: nothing a reader could see.
const kHidden = /[\u0000-\u001f\u007f-\u009f\u00ad\u034f\u061c\u180e\u200b-\u200f\u2028-\u202f\u2060-\u206f\ufeff\ue000-\uf8ff]/g;

/** What is invisible in a token made visible; spaces stay. */
function visible(token) {
  return token.replace(kHidden, (c) => {
    if (kNames.has(c)) return kNames.get(c);
    const code = c.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code)
                       : `‹U+${code.toString(16).toUpperCase().padStart(4, '0')}›`;
  });
}

/** A token by itself: its spaces count, so they are shown too. */
const visibleAlone = (token) => (token === '' ? '⋯' : visible(token).replace(/ /g, '·'));
