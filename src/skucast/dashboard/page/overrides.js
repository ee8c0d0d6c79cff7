// The planner's word: a number is corrected here, its effect seen, and the file saved that the inbox takes.

const WORD_COLUMNS = [
  ...['unit', 'channel', 'SKU_ID', 'ds_from', 'ds_to', 'kind', 'value'],
  ...['reason', 'author', 'expires_on', 'cancelled', 'override_id', 'note'],
];
const WORD_KINDS = {
  '%': () => t('change by %'),
  '=': () => t('set each week to'),
  '+': () => t('add each week'),
};
/** The reasons that there are unless OVERRIDE_REASONS names others, in the reader's words; the file has them as they are. */
const WORD_REASONS = {
  promotion: () => t('promotion'),
  event: () => t('event'),
  'new listing': () => t('new listing'),
  delisting: () => t('delisting'),
  price: () => t('price'),
  stock: () => t('stock'),
  competitor: () => t('competitor'),
  'customer order': () => t('customer order'),
  correction: () => t('correction'),
  late: () => t('late'),
};
const LATE = 'late';
const AUTHOR = 'author'; // under which this browser remembers who writes

const words = []; // lines of the file: {unit, channel, sku, first, last, kind, value, reason, author, note, off}
let wordTouched = false; // from then on the form no longer follows the filter

addSection({ draw: drawOverrides });

function drawOverrides() {
  const weeks = weeksToCorrect();
  place('overrides').hidden = !data.overrides || !weeks.length;
  if (place('overrides').hidden) return;
  if (!place('word')) buildOverrides(weeks);
  if (!wordTouched) followFilter();
  drawWord();
  drawHeld();
}

/** The weeks of the newest forecast that are not over, as ISO dates. */
function weeksToCorrect() {
  const coming = data.forecasts.ds.filter((_, row) => !isOver(row));
  return [...new Set(coming)].sort((a, b) => a - b).map((week) => data.weeks[week]);
}

// --- The form -------------------------------------------------------------------------------------------------------

function reasonInWords(reason) {
  return WORD_REASONS[reason] ? WORD_REASONS[reason]() : reason;
}

function buildOverrides(weeks) {
  const choices = (list, all) => [...(all ? [option(all, ALL)] : []), ...list.map((name) => option(name, name))];
  const sorted = (name) => [...new Set(combinations.map((each) => each[name]))].sort((a, b) => a.localeCompare(b));
  const select = (name, options) => element('select', { name }, ...options);
  const field = (label, input, kind = '') => element('label', { class: `field ${kind}`.trim() }, label, input);
  const inWeeks = (name) => select(name, weeks.map((week) => option(shortDay(week), week)));
  const kinds = Object.entries(WORD_KINDS).map(([kind, label]) => option(label(), kind));
  const form = element(
    'form',
    { id: 'word', class: 'word-form' },
    field(t('Unit'), select('unit', choices(sorted('unit'), t('All units')))),
    field(t('Channel'), select('channel', choices(sorted('channel'), t('All channels')))),
    field(t('SKU'), element('input', { name: 'sku', list: 'word-skus', autocomplete: 'off', placeholder: t('All') })),
    field(t('First week, ending'), inWeeks('first')),
    field(t('Last week, ending'), inWeeks('last')),
    field(t('What'), select('kind', kinds)),
    field(t('How much'), element('input', { name: 'value', type: 'number', step: 'any' })),
    field(t('Reason'), select('reason', data.overrides.reasons.map((reason) => option(reasonInWords(reason), reason)))),
    field(t('Who says so'), element('input', { name: 'author', autocomplete: 'name', maxlength: '100' })),
    field(t('Until'), element('input', { name: 'expires', type: 'date', title: t('The last day on which it counts; empty: always') })),
    field(t('Remark'), element('input', { name: 'note', maxlength: '500', autocomplete: 'off' }), 'wide'),
    element('button', { class: 'primary', id: 'add-word' }, t('Add to the file')),
    element('datalist', { id: 'word-skus' }, ...sorted('sku').map((name) => option(name, name))),
  );
  const lead = t('Where you know what the model cannot know: its number stays, yours counts from the next forecast on.');
  place('overrides').append(
    element('p', { class: 'lead' }, lead),
    form,
    element('p', { class: 'word-effect', id: 'word-effect', 'aria-live': 'polite' }),
    element('div', { id: 'word-lines', hidden: 'hidden' }),
    element('div', { id: 'held-overrides' }),
    element('div', { id: 'override-value' }),
  );
  form.elements.last.value = weeks.at(-1);
  form.elements.author.value = rememberedAuthor();
  form.addEventListener('input', () => {
    wordTouched = true;
    drawWord();
  });
  form.addEventListener('submit', addWord);
}

/** The form speaks of what the filter or the chosen combination is about, until somebody has written in it. */
function followFilter() {
  const { unit, channel, sku } = place('word').elements;
  const chosen = state.isPicked ? combinations[state.selected] : null;
  const isWhole = combinations.some((each) => each.sku === state.sku);
  unit.value = chosen?.unit ?? (state.unit || ALL);
  channel.value = chosen?.channel ?? (state.channel || ALL);
  sku.value = chosen?.sku ?? (isWhole ? state.sku : '');
}

function readWord() {
  const of = Object.fromEntries(new FormData(place('word')));
  return {
    ...of,
    sku: of.sku.trim() || ALL,
    author: of.author.trim(),
    note: of.note.trim(),
    value: of.value === '' ? null : Math.round(100 * Number(of.value)) / 100,
    off: '',
  };
}

/** Why the form is no line yet; empty if it is one. */
function wordProblem(word) {
  const { frozen_through: frozen } = data.overrides;
  if (!combinations.some((combination) => isAbout(word, combination))) return t('Nothing is sold under these names together.');
  if (word.last < word.first) return t('The last week is before the first.');
  if (word.value === null) return t('Write how much.');
  if (word.kind === '=' && word.value < 0) return t('Nothing is sold below 0.');
  if (word.kind === '%' && word.value < -100) return t('At most 100 % can go.');
  if (word.kind === '%' && word.value && Math.abs(word.value) < 1) return t('Write percent: 20, not 0.2.');
  if (word.first <= frozen && word.reason !== LATE) {
    return t('Weeks up to {day} are frozen: begin later, or give the reason “late”.', { day: day(frozen) });
  }
  if (words.some((line) => !line.off && contradicts(line, word))) {
    return t('The file says something of these names and weeks already: remove that line first.');
  }
  return word.author ? '' : t('Write who says so.');
}

function contradicts(line, word) {
  const isSame = ['unit', 'channel', 'sku'].every((name) => line[name] === word[name]);
  return isSame && line.first <= word.last && word.first <= line.last;
}

function drawWord() {
  const word = readWord();
  const problem = wordProblem(word);
  place('add-word').setAttribute('aria-disabled', String(Boolean(problem)));
  const canTell = word.value !== null && word.last >= word.first;
  place('word-effect').textContent = [canTell ? effectText(word) : '', problem].filter(Boolean).join(' ');
  drawWords();
}

/** What a line changes of its own rows, and of the total. */
function effectText(word) {
  const before = applied(words);
  const after = applied([...words, word]);
  const rows = data.forecasts.yhat.map((_, row) => row);
  const mine = rowsOfWord(word);
  const sum = (numbers, list) => list.reduce((total, row) => total + (numbers[row] ?? 0), 0);
  return t('{name}: the model says {model}, {before} counts, with this {after}. Total of all: {total} instead of {all} ({change}).', {
    name: wordName(word),
    model: quantity(sum(data.forecasts.yhat, mine)),
    before: quantity(sum(before, mine)),
    after: quantity(sum(after, mine)),
    total: quantity(sum(after, rows)),
    all: quantity(sum(before, rows)),
    change: signedPercent(change(sum(after, rows), sum(before, rows))),
  });
}

function addWord(event) {
  event.preventDefault();
  const word = readWord();
  if (wordProblem(word)) return;
  words.push(word);
  rememberAuthor(word.author);
  wordTouched = true;
  place('word').elements.value.value = '';
  drawWord();
  say(tn('{n} line in the file.', '{n} lines in the file.', words.length));
}

function rememberedAuthor() {
  try {
    return localStorage.getItem(AUTHOR) ?? '';
  } catch {
    return '';
  }
}

function rememberAuthor(name) {
  try {
    localStorage.setItem(AUTHOR, name);
  } catch {
    // Where nothing may be kept it is written anew.
  }
}

// --- The file -------------------------------------------------------------------------------------------------------

function drawWords() {
  const box = place('word-lines');
  box.hidden = !words.length;
  if (!words.length) return box.replaceChildren();
  const rows = words.map((word, at) => {
    const remove = element('button', { type: 'button', class: 'plain' }, t('Remove'));
    remove.addEventListener('click', () => {
      words.splice(at, 1);
      drawWord();
      drawHeld();
      place('word').elements.unit.focus();
    });
    return [wordName(word), wordWeeks(word), wordText(word), reasonInWords(word.reason), word.author, remove];
  });
  const total = (numbers) => numbers.reduce((sum, number) => sum + number, 0);
  const effect = total(applied(words)) - total(applied([]));
  const saving = element('button', { type: 'button', id: 'save-words', class: 'primary' }, t('Save the file'));
  saving.addEventListener('click', saveWords);
  return box.replaceChildren(
    element('h3', {}, tn('The file: {n} line', 'The file: {n} lines', words.length)),
    smallTable([t('About'), t('Weeks'), t('Says'), t('Reason'), t('Who'), ''], rows),
    element(
      'p',
      {},
      t('All lines together: {effect}.', { effect: signedQuantity(effect) }),
      ' ',
      saving,
      quiet(t('Put it into the folder overrides/inbox: the next forecast takes it in.')),
    ),
  );
}

function saveWords() {
  saveFile(`overrides-${data.cutoff}.csv`, 'text/csv;charset=utf-8', csvOf([WORD_COLUMNS, ...words.map(wordLine)]));
  say(t('The file is saved.'));
}

function wordLine(word) {
  return [
    ...[word.unit, word.channel, word.sku, word.first, word.last, word.off ? '' : word.kind, word.off ? null : word.value],
    ...[word.reason, word.author, word.expires ?? '', word.off ? 'yes' : '', word.off, word.note],
  ];
}

function wordName({ unit, channel, sku }) {
  return [sku, unit, channel].filter((name) => name !== ALL).join(' · ') || t('All of it');
}

function wordWeeks({ first, last }) {
  return first === last ? shortDay(first) : `${shortDay(first)}\u00a0\u2013\u00a0${shortDay(last)}`;
}

function wordText({ kind, value, off }) {
  if (off) return t('called off');
  if (kind === '%') return signedPercent(value / 100);
  return kind === '+' ? signedQuantity(value) : `=\u00a0${quantity(value)}`;
}
