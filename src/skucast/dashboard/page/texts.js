// Texts that a reader sees, in the language of the page: LOCALE, else the first of the reader's that there are texts in.

const SOURCE_LANGUAGE = 'en'; // of the texts in scripts and template
const REGIONS = { en: 'en-GB' }; // whose dates and separators a language has where nobody says
const catalogues = JSON.parse(document.getElementById('languages').textContent);
const locale = chosenLocale(); // of numbers and dates; undefined = the browser's own
const language = hasTexts(locale) ? languageOf(locale) : SOURCE_LANGUAGE;
const fileLocale = catalogues.locale ? locale : undefined; // a file goes into the spreadsheet of the reader's machine
const plurals = new Intl.PluralRules(language);

/** How things are counted by themselves; within a sentence `tn` counts. */
const NOUNS = {
  combination: (n) => tn('{n}\u00a0combination', '{n}\u00a0combinations', n),
  'known week': (n) => tn('{n}\u00a0known week', '{n}\u00a0known weeks', n),
  origin: (n) => tn('{n}\u00a0origin', '{n}\u00a0origins', n),
  run: (n) => tn('{n}\u00a0run', '{n}\u00a0runs', n),
  week: (n) => tn('{n}\u00a0week', '{n}\u00a0weeks', n),
};

function chosenLocale() {
  const theirs = [...(navigator.languages ?? []), navigator.language].filter(isLocale);
  const wanted = catalogues.locale;
  if (wanted) return theirs.find((tag) => languageOf(tag) === wanted) ?? REGIONS[wanted] ?? wanted;
  return theirs.find(hasTexts) ?? theirs[0];
}

function isLocale(tag) {
  try {
    return Intl.getCanonicalLocales(tag).length > 0;
  } catch {
    return false; // some systems name one that no standard knows, such as en-US@posix
  }
}

function languageOf(tag) {
  return tag.split('-')[0].toLowerCase();
}

function hasTexts(tag) {
  return Boolean(tag) && (languageOf(tag) === SOURCE_LANGUAGE || languageOf(tag) in catalogues.texts);
}

/** What the catalogue has for a text; null where the text itself is meant. */
function translationOf(text) {
  const found = catalogues.texts[language]?.texts;
  return found && Object.hasOwn(found, text) ? found[text] : null;
}

/** The text in the page's language with its named places filled: t('Sales of {unit}', { unit }). */
function t(text, places = {}) {
  return filled([translationOf(text) ?? text].flat()[0], places);
}

/** The text that fits the number, which is its place {n}: tn('{n} week ahead', '{n} weeks ahead', n). */
function tn(one, other, n, places = {}) {
  const found = translationOf(one);
  const forms = found ? [found].flat() : [one, other];
  const names = found ? catalogues.texts[language].plurals : ['one', 'other'];
  const form = names.indexOf(plurals.select(n));
  return filled(forms.at(form < forms.length ? form : -1), { n: whole(n), ...places });
}

/** A sentence of the tables in the page's language: {text, other, places}, as core/texts.py stores it. */
function worded(kept) {
  if (typeof kept === 'string') return kept;
  if (Array.isArray(kept)) return kept.map(worded).join(', ');
  if ('day' in kept) return day(kept.day);
  if ('percent' in kept) return kept.percent === null ? '?' : percent(kept.percent, kept.digits);
  if ('number' in kept) return fixed(kept.number, kept.digits);
  const places = Object.fromEntries(Object.entries(kept.places).map(([name, place]) => [name, worded(place)]));
  if (!('other' in kept)) return t(kept.text, places);
  const { n, ...others } = places;
  return tn(kept.text, kept.other, kept.places.n.number, { ...others, n });
}

/** What the tables say in English, in the page's language where they keep how. */
function saidAs(english, kept) {
  return kept && language !== SOURCE_LANGUAGE ? worded(JSON.parse(kept)) : english;
}

function filled(text, places) {
  return text.replace(/\{(\w+)\}/g, (place, name) => (name in places ? String(places[name]) : place));
}

/** The number with its noun, one of NOUNS: `1 week`, `2 weeks`. */
function counted(n, noun) {
  return NOUNS[noun](n);
}

/** The template's texts in the page's language, before anything else is on the page. */
function translatePage() {
  document.documentElement.lang = language;
  if (language === SOURCE_LANGUAGE) return;
  const walker = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (node.nodeType === Node.TEXT_NODE) translateText(node);
    else translateAttributes(node);
  }
}

/** A text as it stands in the catalogue, with the blanks that the template has around it. */
function translateText(node) {
  const [, before, text, after] = /^([ \n\t]*)([^]*?)([ \n\t]*)$/.exec(node.nodeValue);
  const translation = text && translationOf(text);
  if (translation) node.nodeValue = `${before}${translation}${after}`;
}

function translateAttributes(element) {
  if (element.dataset.said) element.textContent = worded(JSON.parse(element.dataset.said));
  for (const name of ['aria-label', 'placeholder', 'title', 'data-nav']) {
    const translation = element.hasAttribute(name) && translationOf(element.getAttribute(name));
    if (translation) element.setAttribute(name, translation);
  }
}
