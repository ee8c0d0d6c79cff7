// Corrections (`override` in tables): a number is corrected here, its effect seen, and the file saved that the inbox takes.

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
const MOST = 1e12; // of a value, in either direction
const MOST_DAYS = 731; // until a correction ends
const AUTHOR = 'author'; // under which this browser remembers who writes

const words = []; // lines of the file: {unit, channel, sku, first, last, kind, value, reason, author, note, off}
let wordTouched = false; // from then on the form no longer follows the filter

addSection({ draw: drawOverrides });

function drawOverrides() {
  const weeks = data.overrides ? weeksToCorrect() : [];
  place('overrides').hidden = !data.overrides || !weeks.length;
  if (place('overrides').hidden) return;
  if (!place('word')) buildOverrides(weeks);
  if (!wordTouched) followFilter();
  drawWord();
  drawHeld();
}

/** The weeks of the newest forecast that are not over by the reader's clock, as ISO dates. */
function weeksToCorrect() {
  const coming = data.forecasts.ds.filter((_, row) => !isOver(row));
  const weeks = [...new Set(coming)].sort((a, b) => a - b).map((week) => data.weeks[week]);
  return weeks.filter((week) => week >= runningWeek());
}

/** The reader's day in the business; that of the run where nobody says which clock the business has. */
function thisDay() {
  return data.due ? businessDay(Date.now(), data.due.time_zone) : data.today;
}

/** The week that holds a day, by its label. */
function weekOfDay(iso) {
  const days = (new Date(iso) - new Date(data.cutoff)) / DAY_MS;
  return weeksBefore(data.cutoff, -Math.ceil(days / 7));
}

function runningWeek() {
  return weekOfDay(thisDay());
}

/** The last week that is frozen by now; empty where none is. */
function frozenThrough() {
  const { frozen_through: frozen } = data.overrides;
  return frozen && weeksBefore(frozen, -Math.max(weeksBetween(weekOfDay(data.today), runningWeek()), 0));
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
    element('p', { class: 'hint' }, middlesText()),
    element('div', { id: 'word-lines', hidden: 'hidden' }),
    element('div', { id: 'held-overrides' }),
    element('div', { id: 'override-value' }),
  );
  form.elements.first.value = weeks.find((week) => week > frozenThrough()) ?? weeks[0];
  form.elements.last.value = form.elements.first.value;
  form.elements.author.value = rememberedAuthor();
  form.addEventListener('input', ({ target }) => {
    wordTouched = true;
    const { first, last } = form.elements;
    if (target === first && last.value < first.value) last.value = first.value;
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

/** Why the form is no line yet, as the job would refuse it; empty if it is one. */
function wordProblem(word) {
  if (!combinations.some((combination) => isAbout(word, combination))) return t('Nothing is sold under these names together.');
  if (word.last < word.first) return t('The last week is before the first.');
  if (word.last < runningWeek()) return t('The last week is over.');
  const problem = valueProblem(word) || expiryProblem(word.expires) || frozenProblem(word);
  if (problem) return problem;
  if (words.some((line) => !line.off && contradicts(line, word))) {
    return t('The file says something of these names and weeks already: remove that line first.');
  }
  return word.author ? '' : t('Write who says so.');
}

function valueProblem({ kind, value }) {
  if (value === null || !Number.isFinite(value)) return t('Write how much.');
  if (Math.abs(value) > MOST) return t('That is more than a trillion.');
  if (kind === '=' && value < 0) return t('Nothing is sold below 0.');
  if (kind === '%' && value < -100) return t('At most 100 % can go.');
  if (kind === '%' && value && Math.abs(value) < 1) return t('Write percent: 20, not 0.2.');
  return '';
}

function expiryProblem(expires) {
  if (!expires) return '';
  if (expires < thisDay()) return t('The last day on which it counts has passed.');
  return (new Date(expires) - new Date(thisDay())) / DAY_MS > MOST_DAYS ? t('The last day on which it counts is more than 2 years away.') : '';
}

function frozenProblem({ first, last, reason }) {
  const frozen = frozenThrough();
  if (!frozen || first > frozen || last < runningWeek() || reason === LATE) return '';
  return t('Weeks up to {day} are frozen: begin later, or give the reason “late”.', { day: day(frozen) });
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

/** What a line changes of its own forecasts, and of the total that the page begins with, as the job would make it. */
function effectText(word) {
  const before = applied(words);
  const after = applied([...words, word]);
  const mine = rowsOfWord(word);
  const sum = (numbers) => mine.reduce((total, row) => total + (numbers[row] ?? 0), 0);
  const [all, total] = [words, [...words, word]].map(headlineWith);
  return t('{name}: the model says {model}, {before} counts, with this {after}. Total of all: {total} instead of {all} ({change}).', {
    name: wordName(word),
    model: quantity(sum(data.forecasts.yhat)),
    before: quantity(sum(before)),
    after: quantity(sum(after)),
    total: quantity(total),
    all: quantity(all),
    change: signedPercent(change(total, all)),
  });
}

/** The total of all weeks and combinations that the page begins with, once these lines count too. */
function headlineWith(lines) {
  const { final, settled } = settledBy(lines);
  const counted = (row) => (settled.has(row) ? final[row] : data.forecasts.mean[row]) ?? 0;
  const moved = final.reduce((sum, _, row) => (isOver(row) ? sum : sum + counted(row) - (expectedAt(row) ?? 0)), 0);
  return (groupOf(ALL, ALL).total ?? 0) + moved;
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
  const effect = headlineWith(words) - headlineWith([]);
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
