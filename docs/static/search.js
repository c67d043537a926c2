// The site's search: ranks sections, terms and names by where the words of a question stand. A plain script, and its
// index another one, so that it also works on pages that were opened as files.

/** @typedef {{page: string, title: string, in: string, kind: string, anchor: string, text: string, code: string,
 *   also?: string[], home?: string, home_title?: string}} Item */

const fastlearnSearch = {
  small: new Set(('a an the of for to in on with is are was do does did how what why which who when where i my me we our you '
    + 'your it its this that these can could should would will be there and or if from by at as into about use using '
    + 'get make want need please way mean means meaning').split(' ')),
  most: 20,  // hits
  known: new Map(),  // word -> its parts without their endings
  /** What a word counts for, by where it stands. */
  weight: { title: 8, also: 8, in: 3, lead: 2.5, text: 1.5, code: 1 },
  /** What a find counts for, by the kind of its page. */
  kinds: { 'how-to': 1.35, errors: 1, course: 1.15, home: 1, library: 1, term: 0.8, name: 0.7, other: 0.6 },

  /** The field's words without their endings, so that "freezing layers" finds "freeze a layer". @param {string} word */
  stem(word) {
    const rules = [[/ies$/, 'y', 2], [/(ations?|ated|ates?|ating)$/, '', 4], [/ions?$/, '', 4], [/ing$/, '', 3],
      [/edly$|ed$/, '', 3], [/(?<=ss|x|sh|ch)es$/, '', 3], [/(?<!s)s$/, '', 3], [/ers?$/, '', 5]];
    for (const [ending, instead, least] of rules) {
      const short = word.replace(ending, instead);
      if (short !== word && short.length >= least + instead.length) { word = short; break; }
    }
    return word.length > 3 ? word.replace(/e$/, '').replace(/([^aeiouls])\1$/, '$1') : word;
  },

  /** `fine_tune` is one word, and two. @param {string} text @returns {string[]} */
  words(text) {
    return (text.normalize('NFKC').match(/[\p{L}\p{N}_]+/gu) ?? []).flatMap((word) => {
      let known = this.known.get(word);
      if (!known) {
        const parts = word.split(/_|(?<=[a-z])(?=[A-Z])/).filter(Boolean);
        known = parts.map((part) => this.stem(part.toLowerCase()));
        if (parts.length > 1) known.unshift(word.toLowerCase());
        this.known.set(word, known);
      }
      return known;
    });
  },

  /** The words that matter; all of them, if none does. @param {string} text */
  asked(text) {
    if (this.kept?.has(text)) return this.kept.get(text);
    const all = text.match(/[\p{L}\p{N}_]+/gu) ?? [];
    const some = all.filter((word) => !this.small.has(word.toLowerCase()));
    const found = [...new Set(this.words((some.length ? some : all).join(' ')))];
    this.kept?.set(text, found);
    return found;
  },

  /** @param {{items: Item[], words: Record<string, string[]>}} known */
  take(known) {
    this.items = known.items;
    this.synonyms = new Map();
    for (const [word, others] of Object.entries(known.words)) {
      const key = this.stem(word);
      this.synonyms.set(key, [...this.synonyms.get(key) ?? [], ...others.flatMap((other) => this.words(other))]);
    }
    this.kept = new Map();
    this.indexes = known.items.map((item) => this.index(item));
    this.spelled = [...this.known.keys()].filter((word) => word.length > 4 && !/[\d_]/.test(word));
    const often = new Map();
    for (const index of this.indexes) for (const word of index.keys()) often.set(word, (often.get(word) ?? 0) + 1);
    this.often = often;
    this.taken?.();
  },

  /** Word -> what it counts for in an item. @param {Item} item @returns {Map<string, number>} */
  index(item) {
    const counts = new Map();
    const add = (text, weight) => {
      for (const word of new Set(this.words(text))) counts.set(word, (counts.get(word) ?? 0) + weight);
    };
    const lead = item.text.slice(0, 200);
    const titles = this.asked(item.title).length || 1;
    add(item.title, this.weight.title * (item.kind === 'name' ? 1 : Math.max(0.5, 1.2 - 0.1 * titles)));
    add((item.also ?? []).join(' '), this.weight.also / 2);
    add(item.in, this.weight.in);
    add(lead, this.weight.lead);
    add(item.code, this.weight.code);
    const times = new Map();
    for (const word of this.words(item.text)) times.set(word, (times.get(word) ?? 0) + 1);
    for (const [word, n] of times) {
      counts.set(word, (counts.get(word) ?? 0) + this.weight.text * 2 * n / (n + 1 + item.text.length / 1500));
    }
    return counts;
  },

  /** How much a word tells: rare ones more. @param {string} word */
  rarity(word) {
    return Math.log(1 + this.items.length / (1 + (this.often.get(word) ?? 0)));
  },

  /** What a typed word may stand for: itself, a synonym, or its beginning.
   * @param {string} word @returns {[string, number][]} */
  forms(word) {
    const found = [[word, 1]];
    for (const other of this.synonyms.get(word) ?? []) found.push([other, 0.6]);
    if (this.often.has(word) || word.length < 3) return found;
    for (const known of this.often.keys()) {
      if (known.startsWith(word)) found.push([known, 0.5]);
    }
    return found;
  },

  /** Words that stand nowhere: half a word is completed, the slip of the keyboard undone. @param {string} question */
  corrected(question) {
    return question.replace(/[\p{L}\p{N}_]+/gu, (word) => {
      const lower = word.toLowerCase();
      if (word.length < 5 || this.small.has(lower)) return word;
      if (this.words(word).some((part) => this.often.has(part) || this.synonyms.has(part))) return word;
      const often = (known) => this.often.get(this.words(known)[0]) ?? 0;
      const begun = this.spelled.filter((known) => known.toLowerCase().startsWith(lower));
      const close = begun.length ? begun : this.spelled.filter((known) => near(lower, known.toLowerCase()));
      return close.sort((a, b) => often(b) - often(a))[0] ?? word;
    });
  },

  /** @param {string} question @returns {{definition: ?Item, hits: {item: Item, more: Item[], score: number}[]}} */
  find(question) {
    const asked = this.asked(question = this.corrected(question));
    if (!asked.length) return { definition: null, hits: [] };
    const phrase = ` ${asked.join(' ')} `;
    const same = (text) => ` ${this.asked(text).join(' ')} ` === phrase;
    const definition = this.items.find((item) => item.kind === 'term' && same(item.title))
      ?? this.items.find((item) => item.kind === 'term' && (item.also ?? []).some(same)) ?? null;
    const forms = asked.map((word) => this.forms(word));
    const rarity = asked.map((word, i) => Math.max(...forms[i].map(([form, w]) => w * this.rarity(form)), 0.5));
    const all = rarity.reduce((a, b) => a + b);
    const scores = this.items.map((item, i) => {
      let sum = 0, met = 0;
      forms.forEach((these, k) => {
        const best = Math.max(...these.map(([form, w]) => w * (this.indexes[i].get(form) ?? 0)));
        if (best > 0) { sum += best * rarity[k]; met += rarity[k]; }
      });
      if (!sum) return 0;
      return (sum / all * (met / all) ** 2 + this.bonus(item, phrase, question, definition)) * this.factor(item);
    });
    return { definition, hits: this.grouped(scores, definition) };
  },

  /** For whole phrases: a title, another word for the page, the page that explains the term. */
  bonus(item, phrase, question, definition) {
    const plain = (text) => text.trim().toLowerCase();
    const name = item.kind === 'name' ? item.title.split('.').at(-1) : item.title;
    const title = ` ${this.asked(name).join(' ')} `;
    let found = plain(name) === plain(question) ? 25 : title === phrase ? 12 : title.includes(phrase) ? 5 : 0;
    for (const other of item.also ?? []) {
      const said = ` ${this.asked(other).join(' ')} `;
      if (said === phrase) found = Math.max(found, 22);
      else if (phrase.includes(said) && said.trim()) found = Math.max(found, 4 + 3 * said.trim().split(' ').length);
    }
    if (definition && item.page === definition.home) found += item.in ? 5 : 9;
    return found;
  },

  factor(item) {
    const aside = /^(for implementers|questions|try it)$/i.test(item.title) ? 0.6 : 1;
    const inner = /^course\//.test(item.page) ? 0.7 : 1;  // what makes the course repeats all of its words
    return (this.kinds[item.kind] ?? 1) * aside * inner;
  },

  /** One hit for each page, with the other sections that match below it. */
  grouped(scores, definition) {
    const order = scores.map((_, i) => i).filter((i) => scores[i] > 0.3 && this.items[i] !== definition)
      .sort((a, b) => scores[b] - scores[a]);
    const byPage = new Map();
    for (const i of order) {
      const item = this.items[i], key = item.kind === 'term' ? `term ${item.title}` : item.page;
      const hit = byPage.get(key);
      if (!hit) byPage.set(key, { item, more: [], score: scores[i] });
      else if (hit.more.length < 3 && scores[i] > Math.max(2, 0.12 * hit.score) && item.anchor) hit.more.push(item);
    }
    const hits = [...byPage.values()];
    return hits.filter((hit) => hit.score > 0.08 * hits[0].score).slice(0, this.most);
  },

  /** The piece of an item's text around the words that were asked for. @param {Item} item @param {string[]} asked */
  excerpt(item, asked, length = 180) {
    const said = [...item.text.matchAll(/[\p{L}\p{N}_]+/gu)];
    const at = said.find((found) => this.words(found[0]).some((word) => asked.includes(word)))?.index ?? 0;
    const sentence = at < length ? 0 : Math.max(item.text.lastIndexOf('. ', at - 1) + 2, at - length / 2);
    const start = sentence && item.text[sentence - 1] !== ' ' ? item.text.indexOf(' ', sentence) + 1 : sentence;
    const end = start + length < item.text.length ? item.text.lastIndexOf(' ', start + length) : item.text.length;
    return (start ? '… ' : '') + item.text.slice(start, end) + (end < item.text.length ? ' …' : '');
  },
};

/** One letter more, less or other, or two exchanged. @param {string} a @param {string} b */
function near(a, b) {
  if (Math.abs(a.length - b.length) > 1) return false;
  let i = 0;
  while (i < a.length && a[i] === b[i]) i++;
  const rests = [[a.slice(i + 1), b.slice(i + 1)], [a.slice(i + 1), b.slice(i)], [a.slice(i), b.slice(i + 1)]];
  if (a[i] === b[i + 1] && a[i + 1] === b[i]) rests.push([a.slice(i + 2), b.slice(i + 2)]);
  return rests.some(([x, y]) => x === y);
}

// --- the page ---

const kindNames = { 'how-to': 'How-to', errors: 'How-to', course: 'Course', home: 'Start', library: 'Library', term: 'Glossary', name: 'API',
  other: '' };

/** @param {string} tag @param {Record<string, string>} values @param {(Node | string)[]} inside */
function made(tag, values, ...inside) {
  const node = Object.assign(document.createElement(tag), values);
  node.append(...inside);
  return node;
}

function marked(text, asked) {
  const parts = text.split(/([\p{L}\p{N}_]+)/u);
  return parts.map((part) => asked.length && fastlearnSearch.words(part).some((word) => asked.includes(word))
    ? made('mark', {}, part) : part);
}

function addressOf(item) { return `${item.page}.html${item.anchor ? `#${item.anchor}` : ''}`; }

function drawHit({ item, more }, asked) {
  const title = made('a', { href: addressOf(item) }, ...item.in ? [`${item.in}: `] : [], item.title);
  const row = made('li', { className: 'hit' }, title);
  if (kindNames[item.kind]) row.append(' ', made('span', { className: 'kind' }, kindNames[item.kind]));
  row.append(made('p', {}, ...marked(fastlearnSearch.excerpt(item, asked), asked)));
  if (more.length) {
    const links = more.map((other) => made('li', {}, made('a', { href: addressOf(other) },
      other.kind === 'name' ? made('code', {}, other.title) : other.title)));
    row.append(made('ul', { className: 'more' }, ...links));
  }
  return row;
}

function drawDefinition(term) {
  const name = made('a', { href: addressOf(term) }, term.title);
  const home = made('a', { href: `${term.home}.html` }, term.home_title);
  return made('p', { className: 'definition' }, made('strong', {}, name), ` ${term.text} Explained in `, home, '.');
}

function showResults(place, question) {
  const { definition, hits } = fastlearnSearch.find(question);
  const asked = fastlearnSearch.asked(fastlearnSearch.corrected(question)).flatMap((word) => fastlearnSearch.forms(word).map(([form]) => form));
  const n = hits.length;
  const pages = `${n === fastlearnSearch.most ? `The best ${n}` : n} ${n === 1 ? 'page' : 'pages'} for “${question}”`;
  const said = !question.trim() ? '' : n ? pages : `Nothing was found for “${question}”. Try fewer or other words, or look into the glossary.`;
  place.querySelector('[role=status]').textContent = said;
  place.querySelector('.results').replaceChildren(
    ...definition ? [drawDefinition(definition)] : [],
    made('ol', { className: 'hits' }, ...hits.map((hit) => drawHit(hit, asked))));
}

function startSearch() {
  const place = document.getElementById('search-results');
  const field = document.querySelector('.bd-search-container form.bd-search input');
  if (!place || !field) return;
  place.append(made('p', { role: 'status' }), made('div', { className: 'results' }));
  place.firstChild.setAttribute('role', 'status');
  const show = () => fastlearnSearch.items && showResults(place, field.value);
  field.value = new URLSearchParams(location.search).get('q') ?? '';
  field.addEventListener('input', () => {
    history.replaceState(null, '', field.value ? `?q=${encodeURIComponent(field.value)}` : location.pathname);
    show();
  });
  field.form.addEventListener('submit', (event) => { event.preventDefault(); show(); });
  fastlearnSearch.taken = show;
  show();
}

if (typeof document !== 'undefined') document.addEventListener('DOMContentLoaded', startSearch);
