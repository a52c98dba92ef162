// Latents: one card each. Closed it shows a concordance of its strongest contexts, open everything known.

const kLevels = 9;

/** Colour step of an activation, 0 (none) to 9 (the latent's maximum). */
function level(activation, max) {
  if (!activation || !(max > 0)) return 0;
  return Math.max(1, Math.min(kLevels, Math.ceil((Math.abs(activation) / max) * kLevels)));
}

/** The data's compact contexts as {tokens, activations, peak, document, label, quantile}. */
function unpackContext(packed, data) {
  const activations = new Map();
  for (let i = 0; i < packed.a.length; i += 2) activations.set(packed.a[i], packed.a[i + 1]);
  return {
    tokens: packed.t.map((id) => (id < 0 ? '' : data.tokens[id])),
    activations, peak: packed.p, quantile: packed.q,
    document: packed.d < 0 ? '' : data.documents[packed.d],
    label: packed.l < 0 ? '' : data.labels[packed.l].name,
  };
}

/**
 * Tokens [from, to) of a context. Runs of inactive tokens are plain text, active ones are coloured; the space
 * that most tokens begin with stays outside of the colour, where it parts words.
 */
function tokenNodes(context, from, to, max) {
  const nodes = [];
  const start = context.tokens[from] ?? '';
  if (from === 0 && start.trim()) context = {...context, tokens: [start.trimStart(), ...context.tokens.slice(1)]};
  let plain = '';
  const flush = () => { if (plain) nodes.push(document.createTextNode(plain)); plain = ''; };
  for (let i = from; i < to; ++i) {
    const token = context.tokens[i];
    const activation = context.activations.get(i) || 0;
    const blank = token !== '' && token.trim() === '';
    if (!activation && token !== '' && !(blank && token !== ' ')) { plain += visible(token); continue; }
    const space = blank ? '' : /^ */.exec(token)[0];
    plain += space;
    flush();
    const classes = ['tok'];
    if (i === context.peak) classes.push('peak');
    if (token === '' || blank) classes.push('ws');
    nodes.push(el('span', {
      class: classes.join(' '), 'data-a': level(activation, max) || null,
      'data-tip': token === '' ? 'not in the data' : `${visibleAlone(token)}  ${number(activation)}`,
    }, blank || token === '' ? visibleAlone(token) : visible(token.slice(space.length))));
  }
  flush();
  return nodes;
}

/** One line with the peaks of all lines below each other (keyword in context). */
function concordanceLine(context, max) {
  return el('div', {class: 'kwic'},
    el('span', {class: 'before'}, el('span', {}, ...tokenNodes(context, 0, context.peak, max))),
    el('span', {class: 'after'}, ...tokenNodes(context, context.peak, context.tokens.length, max)));
}

function contextItem(context, max) {
  const activation = context.activations.get(context.peak);
  // Names of documents often begin with their label.
  const label = context.document.startsWith(context.label) ? '' : context.label;
  const where = [label, context.document].filter((part) => part).map(visible);
  const place = known(context.quantile) ? `stronger than ${percent(context.quantile, 2)} of its firings` : null;
  return el('li', {},
    el('span', {class: 'value', 'data-tip': place}, number(activation)),
    el('div', {}, el('p', {class: 'text'}, ...tokenNodes(context, 0, context.tokens.length, max)),
      where.length ? el('p', {class: 'where'}, where.join(' · ')) : null));
}

function effectTable(title, effects, spread) {
  if (!effects.length) return null;
  const note = known(spread) ? el('small', {}, `(spread ${number(spread, 2)})`) : null;
  const largest = Math.max(...effects.map((effect) => Math.abs(effect[1])), 1e-12);
  const rows = effects.map(([token, value]) => el('tr', {},
    el('th', {scope: 'row'}, el('code', {}, visibleAlone(token))),
    el('td', {class: 'meter'}, el('span', {style: `inline-size:${((Math.abs(value) / largest) * 100).toFixed(1)}%`})),
    el('td', {class: 'num'}, `${value > 0 ? '+' : ''}${number(value, 3).replace('-', '−')}`)));
  return el('table', {class: 'effects'}, el('caption', {}, `${title} `, note), el('tbody', {}, ...rows));
}

function labelTable(latent, data) {
  if (!latent.label_shares.length) return null;
  const rows = data.labels.map((label, i) => ({...label, share: latent.label_shares[i]}))
    .sort((a, b) => b.share - a.share)
    .map((label) => el('tr', {},
      el('th', {scope: 'row'}, visible(label.name)),
      el('td', {class: 'meter'}, el('span', {style: `inline-size:${(label.share * 100).toFixed(1)}%`}),
        el('i', {style: `inset-inline-start:${(label.row_share * 100).toFixed(1)}%`,
                 'data-tip': `${percent(label.row_share)} of all text`})),
      el('td', {class: 'num'}, label.share < 0.005 ? '< 1 %' : percent(label.share, 2))));
  return el('table', {class: 'effects'}, el('caption', {}, 'In documents of ', el('small', {}, '(tick: share of all text)')), el('tbody', {}, ...rows));
}

function neighbourTable(latent, gallery) {
  if (!latent.nearest.length) return null;
  const rows = latent.nearest.map(([index, cosine]) => el('tr', {},
    el('th', {scope: 'row'}, gallery.has(index)
      ? el('a', {href: `#latent=${index}`}, `#${index}`)
      : el('span', {class: 'muted', 'data-tip': 'not on this page'}, `#${index}`)),
    el('td', {class: 'hint'}, gallery.has(index) ? gallery.hint(index) : ''),
    el('td', {class: 'num'}, number(cosine, 2))));
  return el('table', {class: 'effects nearest'}, el('caption', {}, 'Nearest latents, by decoder cosine'), el('tbody', {}, ...rows));
}

function activationChart(latent) {
  const {high, counts} = latent.histogram;
  if (!counts.length) return null;
  return barChart({
    title: 'Strength of its firings', summary: `Up to ${number(latent.max)}, mean ${number(latent.mean)}.`,
    low: 0, high, counts, xLabel: 'activation', xTicks: ticks(0, high, 5), xText: (value) => number(value, 2), height: 150,
    say: (from, to, count) => `${number(from)} to ${number(to)}: ${whole(count)}`, rest: `mean ${number(latent.mean)}`,
  });
}

function facts(latent) {
  const pairs = [
    ['fires on', `${percent(latent.density)} of tokens`],
    ['maximum', number(latent.max)], ['mean when active', number(latent.mean)],
    ['decoder norm', number(latent.decoder_norm)], ['encoder–decoder cosine', number(latent.encoder_decoder_cosine)],
  ].filter(([, value]) => value !== '–');
  return el('dl', {class: 'facts'}, ...pairs.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, value))));
}

/** Everything known about a latent: the part of a card that opens. */
function latentBody(latent, data, gallery) {
  const list = (title, contexts) => contexts.length
    ? el('div', {}, el('h4', {}, title), el('ol', {class: 'contexts'}, ...contexts.map((c) => contextItem(c, latent.max))))
    : null;
  return el('div', {class: 'body'},
    facts(latent),
    el('div', {class: 'panes'},
      el('div', {class: 'main'}, list('Strongest', latent.top), list('Over its range', latent.samples)),
      el('div', {class: 'side'},
        effectTable('Makes likelier', latent.promoted, latent.logit_spread), effectTable('Makes less likely', latent.suppressed),
        labelTable(latent, data), neighbourTable(latent, gallery), activationChart(latent))));
}

/** The label that most of the activation falls on, if it is more than half. */
function mainLabel(latent, data) {
  const best = latent.label_shares.indexOf(Math.max(...latent.label_shares));
  return best >= 0 && latent.label_shares[best] > 0.5 ? {...data.labels[best], share: latent.label_shares[best]} : null;
}

/** The tokens that take most of its activation in the contexts at hand, without regard to spaces around them. */
function activeTokens(latent) {
  const sums = new Map();
  for (const context of [...latent.top, ...latent.samples]) {
    for (const [place, activation] of context.activations) {
      const word = context.tokens[place].trim() || context.tokens[place];
      if (word) sums.set(word, (sums.get(word) ?? 0) + Math.abs(activation));
    }
  }
  const total = [...sums.values()].reduce((sum, value) => sum + value, 0);
  return [...sums].sort((a, b) => b[1] - a[1]).slice(0, 8).filter(([, sum]) => sum > 0.02 * total).map(([word]) => word);
}

// The mean of the five largest of 50,000 normal values is 4.2 standard deviations; a latent of a middle layer
// that speaks to the output only by way of later layers is not far above. 5.5 leaves out nearly all of those.
const kClearEffect = 5.5;

/** The tokens that it makes likelier, where these stand out from the vocabulary; else none. */
function clearEffects(latent) {
  const best = latent.promoted.slice(0, 5);
  if (best.length < 5 || !(latent.logit_spread > 0)) return [];
  const mean = best.reduce((sum, [, value]) => sum + value, 0) / best.length;
  return mean > kClearEffect * latent.logit_spread ? best.map(([token]) => token) : [];
}

/** A closed card. `contexts`: which to preview. */
function latentCard(latent, data, contexts) {
  const label = mainLabel(latent, data);
  const button = el('button', {type: 'button', class: 'toggle', 'aria-expanded': 'false', 'aria-controls': `body-${latent.latent}`},
    el('span', {class: 'number'}, `#${latent.latent}`));
  const head = el('header', {},
    el('h3', {}, button),
    label ? el('span', {class: 'chip', 'data-tip': `${percent(label.row_share)} of all text`}, `${visible(label.name)} ${percent(label.share, 2)}`) : null,
    latent.choice === 'random' ? el('span', {class: 'chip plain', 'data-tip': 'drawn at random: typical, not selected'}, 'random') : null,
    el('span', {class: 'quick'}, sparkline(latent.histogram.counts),
      el('span', {'data-tip': 'share of tokens on which it fires'}, percent(latent.density, 2)),
      el('span', {'data-tip': 'largest activation'}, `max ${number(latent.max)}`)));
  const preview = contexts.length
    ? el('div', {class: 'preview'}, ...contexts.map((context) => concordanceLine(context, latent.max)))
    : el('p', {class: 'muted'}, 'Never fired on this data.');
  const lines = [['fires on', activeTokens(latent)], ['likelier next', clearEffects(latent)]].filter(([, words]) => words.length)
    .map(([name, words]) => el('p', {class: 'words'}, el('span', {}, name), ...words.map((word) => el('code', {}, visibleAlone(word)))));
  return el('article', {class: 'card', id: `latent-${latent.latent}`, 'data-latent': latent.latent}, head, preview, ...lines);
}
