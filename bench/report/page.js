// The page: fills the sections from the data, then keeps the gallery in step with the address.

const data = JSON.parse(document.getElementById('data').textContent);
const byId = (id) => document.getElementById(id);
const metrics = data.eval?.metrics ?? {};
/** A metric by its path, or NaN: evaluations leave out what they could not compute. */
const metric = (path) => path.split('.').reduce((node, key) => node?.[key], metrics) ?? NaN;

// ---- Summary -------------------------------------------------------------------------------------------

const strong = (text) => el('b', {}, text);

function summary() {
  const p = data.provenance;
  const parts = [strong(`${whole(p.latents)} latents`), ' trained on ', strong(`${whole(p.training_rows)} activations`)];
  if (p.model) parts.push(' of ', strong(visible(p.model)));
  if (p.site) parts.push(' at ', el('code', {}, visible(p.site)));
  if (p.text) parts.push(`, reading ${visible(p.text)}`);
  parts.push('. ');
  const active = known(metric('sparsity.l0')) ? metric('sparsity.l0') : p.active_latents;
  const explained = metric('reconstruction_quality.explained_variance');
  if (known(active)) {
    parts.push('Each activation, ', `${whole(p.inputs)} numbers, is rebuilt from `, strong(number(active)), ' of them');
    parts.push(known(explained) ? '; ' : '. ');
  }
  if (known(explained)) parts.push(strong(percent(explained)), ' of the variance is explained. ');
  const before = metric('model_performance_preservation.ce_loss_without_sae');
  const after = metric('model_performance_preservation.ce_loss_with_sae');
  if (known(before) && known(after)) {
    parts.push('Put back into the model in place of the original, it ', after >= before ? 'raises' : 'lowers',
      ' the loss from ', strong(before.toFixed(2)), ' to ', strong(after.toFixed(2)), ' nats a token.');
  }
  return parts;
}

function fillHeader() {
  const p = data.provenance;
  byId('title').textContent = p.model ? `Inside ${visible(p.model)}` : 'Inside these activations';
  byId('lede').append(...summary());
}

// ---- Metrics -------------------------------------------------------------------------------------------

const kMetrics = [
  ['reconstruction_quality.explained_variance', 'Variance explained', percent,
    'How much of the activations the reconstruction keeps. Guessing their mean would score 0.'],
  ['sparsity.l0', 'Latents active (L0)', (v) => number(v, 4), 'At work in one activation, on average.'],
  ['latents.dead_fraction', 'Dead latents', percent, 'Never fired on the evaluation data.'],
  ['model_performance_preservation.ce_loss_score', 'Loss score', (v) => number(v, 3),
    '1: the model works as with the original. 0: as with the mean in its place.'],
  ['model_performance_preservation.ce_loss_with_sae', 'Loss with reconstruction', (v) => v.toFixed(3),
    () => `Nats a token. Original ${number(metric('model_performance_preservation.ce_loss_without_sae'), 4)}, mean in its place ${number(metric('model_performance_preservation.ce_loss_with_ablation'), 4)}.`],
  ['model_behavior_preservation.kl_div_with_sae', 'KL divergence', (v) => number(v, 3),
    "Nats by which the model's predictions move when the reconstruction is put in."],
  ['reconstruction_quality.cossim', 'Cosine', (v) => number(v, 3), 'Between an activation and its reconstruction; 1 is the same direction.'],
  ['shrinkage.l2_ratio', 'Length ratio', (v) => number(v, 3), 'Reconstruction over original. Below 1 the coder shrinks what it rebuilds.'],
];

function fillMetrics() {
  const cards = kMetrics.filter(([path]) => known(metric(path))).map(([path, name, format, about]) =>
    el('div', {class: 'metric', 'data-metric': path}, el('dt', {}, name), el('dd', {class: 'figure'}, format(metric(path))),
      el('dd', {class: 'about'}, typeof about === 'function' ? about() : about)));
  byId('metrics').append(...cards);
  byId('metrics-section').hidden = cards.length === 0;
}

// ---- Curves and densities --------------------------------------------------------------------------------

function fillCurves() {
  const wide = (values) => Math.max(...values) / Math.min(...values) > 30 && Math.min(...values) > 0;
  const kCurves = [
    ['loss', 'Loss', '', (v) => number(v, 3)],
    ['fvu', 'Variance not explained (FVU)', '', (v) => number(v, 3)],
    ['dead_fraction', 'Dead latents', '', (v) => percent(v, 2), true],
    ['learning_rate', 'Learning rate', '', (v) => number(v, 2), true],
  ];
  const charts = [];
  for (const [key, title, unit, text, fromZero] of kCurves) {
    const points = data.curve.samples.map((x, i) => [x, data.curve[key][i]]).filter((point) => known(point[1]));
    if (points.length < 2) continue;
    const log = !fromZero && wide(points.map((point) => point[1]));
    charts.push(lineChart({title: log ? `${title}, log scale` : title, points, unit, text, log, fromZero}));
  }
  byId('curves').append(...charts);
  byId('curves-section').hidden = charts.length === 0;
}

function fillDensity() {
  const {low, high, counts, never_fired: never} = data.density;
  const live = counts.reduce((sum, count) => sum + count, 0);
  byId('density-section').hidden = live + never === 0;
  if (live + never === 0) return;
  const where = data.rows_text ? ` ${visible(data.rows_text)}` : '';
  byId('density-note').textContent =
    `Counted on ${whole(data.rows)} tokens${where}. ${never ? `${whole(never)} of ${whole(live + never)} latents never fired on them.` : `Every one of the ${whole(live)} latents fired at least once.`} A healthy coder has one broad hill: no heap at the far left (nearly dead), few at the right (always on).`;
  const decades = [];
  for (let decade = Math.ceil(low); decade <= high; ++decade) decades.push(decade);
  byId('density').append(barChart({
    title: 'Latents by density', summary: `${whole(live)} latents fired, ${whole(never)} never.`, low, high, counts,
    xLabel: 'share of tokens on which a latent fires', xTicks: decades, xText: (value) => percent(10 ** value, 1),
    say: (from, to, count) => `${percent(10 ** from, 2)} to ${percent(10 ** to, 2)}: ${whole(count)} latents`,
    rest: `${whole(live)} latents`, ...(innerWidth < 700 ? {} : {width: 740, height: 230}),
  }));
}

// ---- Provenance ------------------------------------------------------------------------------------------

function fillProvenance() {
  const p = data.provenance;
  const rows = [
    ['recipe', p.recipe], ['model', p.model], ['site', p.site], ['text', p.text],
    ['latents', `${whole(p.latents)} on ${whole(p.inputs)} inputs`],
    ['active at once', known(p.active_latents) ? number(p.active_latents) : ''],
    ['activations', `${whole(p.training_rows)}${p.dropped_rows ? `, and ${whole(p.dropped_rows)} left out (first positions, massive activations)` : ''}`],
    ['seen in training', p.samples ? `${whole(p.samples)} activations${p.training_rows ? `, each ${number(p.samples / p.training_rows, 2)} times` : ''}` : ''],
    ['seed', String(p.seed)], ['backend', p.backend], ['precision', p.precision], ['polysem', p.version],
  ].filter(([, value]) => value);
  byId('provenance').append(...rows.map(([name, value]) => el('div', {}, el('dt', {}, name), el('dd', {}, visible(value)))));
  if (p.commands.length) {
    const text = p.commands.join('\n');
    const copy = el('button', {type: 'button'}, 'Copy');
    copy.addEventListener('click', async () => {
      try { await navigator.clipboard.writeText(text); copy.textContent = 'Copied'; } catch { copy.textContent = 'Select and copy'; }
    });
    byId('commands').append(el('h3', {}, 'Make it again ', copy), el('pre', {tabindex: 0}, text));
  }
  byId('footer').textContent = `Written by polysem${p.version ? ` ${p.version}` : ''}. This file is complete: it loads nothing and sends nothing.`;
}

// ---- Gallery ---------------------------------------------------------------------------------------------

const kChunk = 24;
const kOrders = {
  interest: () => 0,  // as the file has them
  density: (a, b) => a.density - b.density,
  '-density': (a, b) => b.density - a.density,
  max: (a, b) => b.max - a.max,
  latent: (a, b) => a.latent - b.latent,
};

class Gallery {
  constructor() {
    this.latents = data.latents.map((packed) => ({
      ...packed,
      top: packed.top.map((context) => unpackContext(context, data)),
      samples: packed.samples.map((context) => unpackContext(context, data)),
      promoted: packed.promoted.map(([id, value]) => [data.tokens[id], value]),
      suppressed: packed.suppressed.map(([id, value]) => [data.tokens[id], value]),
    }));
    this.index = new Map(this.latents.map((latent) => [latent.latent, latent]));
    for (const latent of this.latents) latent.haystack = this.searchable(latent);
    this.results = [];
    this.shown = 0;
    this.words = [];
  }

  has(number) { return this.index.has(number); }
  /** A word or two about a latent: the token it peaks on most. */
  hint(number) {
    const latent = this.index.get(number);
    return latent.top.length ? visible(latent.top[0].tokens[latent.top[0].peak]).trim() : '';
  }

  searchable(latent) {
    const texts = [...latent.top, ...latent.samples].map((context) => `${context.tokens.join('')} ${context.document}`);
    const logits = [...latent.promoted, ...latent.suppressed].map(([token]) => token);
    const label = mainLabel(latent, data)?.name ?? '';
    return [label, ...logits, ...texts].join('\n').toLowerCase();
  }

  matches(latent, state) {
    if (state.label && mainLabel(latent, data)?.name !== state.label) return false;
    if (state.choice && latent.choice !== state.choice) return false;
    const number = /^#?(\d+)$/.exec(state.q.trim());
    if (number && latent.latent === Number(number[1])) return true;
    if (number && state.q.trim().startsWith('#')) return false;
    return this.words.every((word) => latent.haystack.includes(word));
  }

  filter(state) {
    this.words = state.q.toLowerCase().split(/\s+/).filter((word) => word);
    this.results = this.latents.filter((latent) => this.matches(latent, state));
    this.results.sort(kOrders[state.sort]);
    this.shown = 0;
    byId('cards').replaceChildren();
    this.showMore();
    const total = this.latents.length;
    byId('count').textContent = this.results.length === total ? `${total} latents` : `${this.results.length} of ${total} latents`;
    if (!this.results.length && total) {
      byId('cards').append(el('p', {class: 'empty'}, 'No latent on this page matches. Search looks for a number, for text in contexts and logits, and for labels.'));
    }
  }

  /** Contexts to preview: those that a search found first. */
  preview(latent) {
    const hit = (context) => this.words.length && this.words.some((word) => context.tokens.join('').toLowerCase().includes(word));
    const contexts = [...latent.top, ...latent.samples];
    return [...contexts.filter(hit), ...contexts.filter((context) => !hit(context))].slice(0, 4);
  }

  showMore(count = kChunk) {
    const next = this.results.slice(this.shown, this.shown + count);
    byId('cards').append(...next.map((latent) => latentCard(latent, data, this.preview(latent))));
    this.shown += next.length;
    byId('more').hidden = this.shown >= this.results.length;
  }

  card(number) {
    const place = this.results.findIndex((latent) => latent.latent === number);
    if (place >= this.shown) this.showMore(place + 1 - this.shown);
    return place < 0 ? null : byId(`latent-${number}`);
  }

  toggle(card, open) {
    const button = card.querySelector('.toggle');
    if (open === (button.getAttribute('aria-expanded') === 'true')) return;
    button.setAttribute('aria-expanded', String(open));
    card.classList.toggle('open', open);
    card.querySelector('.body')?.remove();
    if (!open) return;
    const body = latentBody(this.index.get(Number(card.dataset.latent)), data, this);
    body.id = `body-${card.dataset.latent}`;
    card.append(body);
  }
}

// ---- Address: #q=river&sort=density&latent=123 -------------------------------------------------------------

const gallery = new Gallery();

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  const latent = given.get('latent');
  return {
    q: given.get('q') ?? '', label: given.get('label') ?? '', choice: given.get('choice') ?? '',
    sort: Object.hasOwn(kOrders, given.get('sort')) ? given.get('sort') : 'interest',
    latent: latent !== null && /^\d+$/.test(latent) ? Number(latent) : null,
  };
}

function writeAddress(state) {
  const parts = new URLSearchParams();
  for (const key of ['q', 'label', 'choice']) if (state[key]) parts.set(key, state[key]);
  if (state.sort !== 'interest') parts.set('sort', state.sort);
  if (state.latent !== null) parts.set('latent', state.latent);
  const text = parts.toString();
  history.replaceState(null, '', text ? `#${text}` : location.pathname + location.search);
}

const readForm = () => ({
  q: byId('search').value, sort: byId('sort').value, label: byId('label').value, choice: byId('choice').value, latent: null,
});

function applyAddress() {
  // #gallery and other plain anchors are the browser's business.
  if (location.hash.length > 1 && !location.hash.includes('=')) return;
  const state = readAddress();
  // A link to a latent must lead to it even where the filter would hide it.
  if (state.latent !== null && gallery.has(state.latent) && !gallery.matches(gallery.index.get(state.latent), state)) {
    Object.assign(state, {q: '', label: '', choice: ''});
  }
  for (const key of ['sort', 'label', 'choice']) byId(key).value = state[key];
  byId('search').value = state.q;
  gallery.filter({...readForm()});
  if (state.latent === null) return;
  const card = gallery.card(state.latent);
  if (!card) {
    byId('count').textContent = `#${state.latent} is not on this page`;
    return;
  }
  gallery.toggle(card, true);
  card.scrollIntoView({block: 'start'});
  card.querySelector('.toggle').focus({preventScroll: true});
}

// ---- Events ------------------------------------------------------------------------------------------------

function listen() {
  byId('toolbar').addEventListener('input', () => {
    const state = readForm();
    gallery.filter(state);
    writeAddress(state);
  });
  byId('toolbar').addEventListener('submit', (event) => event.preventDefault());
  byId('cards').addEventListener('click', (event) => {
    const head = event.target.closest('.card > header, .preview, .words');
    if (!head || getSelection().toString()) return;
    const card = head.closest('.card');
    const open = card.querySelector('.toggle').getAttribute('aria-expanded') !== 'true';
    gallery.toggle(card, open);
    writeAddress({...readForm(), latent: open ? Number(card.dataset.latent) : null});
  });
  byId('more').addEventListener('click', () => gallery.showMore());
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting) && !byId('more').hidden) gallery.showMore();
  }, {rootMargin: '600px'}).observe(byId('more'));
  addEventListener('hashchange', applyAddress);
  addEventListener('keydown', (event) => {
    const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName);
    if (event.key === '/' && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      byId('search').focus();
    }
  });
}

/** One tooltip for everything that has data-tip, by pointer and by touch. */
function listenForTips() {
  const tip = byId('tip');
  const show = (event) => {
    const target = event.target.closest?.('[data-tip]');
    tip.hidden = !target;
    if (!target) return;
    tip.textContent = target.dataset.tip;
    const box = target.getClientRects()[0];
    const left = box.left + box.width / 2 - tip.offsetWidth / 2;
    tip.style.left = `${Math.max(6, Math.min(left, innerWidth - tip.offsetWidth - 6))}px`;
    tip.style.top = `${box.top > 44 ? box.top - tip.offsetHeight - 6 : box.bottom + 6}px`;
  };
  document.addEventListener('pointerover', show);
  document.addEventListener('scroll', () => { tip.hidden = true; }, {passive: true});
}

function fillGallery() {
  const random = data.latents.filter((latent) => latent.choice === 'random').length;
  const others = data.latents.length - random;
  byId('gallery-note').textContent = `${whole(others)} latents chosen for being clear${random ? `, and ${whole(random)} drawn at random to show what is typical` : ''}, each with the text on which it is most active.`;
  for (let i = 0; i <= kLevels; ++i) byId('scale').append(el('span', {class: 'tok', 'data-a': i || null}, '\u00a0'));
  byId('label').append(...data.labels.map((label) => el('option', {value: label.name}, visible(label.name))));
  byId('label-field').hidden = data.labels.length === 0;
  const choices = new Set(data.latents.map((latent) => latent.choice));
  for (const option of [...byId('choice').options]) if (option.value && !choices.has(option.value)) option.remove();
  byId('choice-field').hidden = choices.size < 2;
}

fillHeader();
fillMetrics();
fillCurves();
fillDensity();
fillProvenance();
fillGallery();
listen();
listenForTips();
applyAddress();
