// The combinations under the filter that are shown one by one, the worst first.

const SPARK_WEEKS = 26;
// Sorting starts at the worst end: `rising` columns from their lowest value, the others from their highest.
const COLUMNS = [
  { key: 'name', label: t('Combination'), rising: true },
  {
    key: 'missed',
    label: t('Missed volume'),
    show: quantity,
    cell: missedCell,
    title: t('Sales forecast wrongly: mean miss times weeks'),
  },
  { key: 'sales', label: t('Sales per week'), show: quantity },
  { key: 'wape', label: t('WAPE'), show: percent },
  { key: 'biasRatio', label: t('Bias'), show: signedPercent, title: t('Above zero: too much forecast') },
  {
    key: 'fva',
    label: t('FVA'),
    show: points,
    cell: addedCell,
    tone: goodAboveZero,
    rising: true,
    title: t('Forecast value added'),
  },
  { key: 'coverage', label: t('Coverage'), show: (value) => percent(value, 0), rising: true },
  { key: 'class', label: t('Class'), show: text, rising: true },
  { key: 'reason', label: t('Alert and reason'), show: text, cell: reasonCell, rising: true, left: true },
  { label: t('Sales, 26 weeks'), spark: true },
];

function text(value) {
  return value ?? UNDEFINED;
}

function rankRows() {
  const rows = [...state.sums.byCombination]
    .filter(([{ isDetailed }]) => isDetailed)
    .map(([combination, sums]) => {
      const alerts = alertsOf(combination.index);
      return {
        ...measures(sums, state.baseline === BEST ? bestOf(sums) : state.baseline),
        index: combination.index,
        combination,
        name: `${combination.sku} ${combination.unit} ${combination.channel}`,
        class: classText(combination),
        alerts,
        reason: reasonText(alerts),
      };
    });
  return rows.sort(byColumn(state.sort));
}

function drawRanking() {
  const table = place('ranking');
  table.tHead.replaceChildren(
    element('tr', {}, ...COLUMNS.map((column) => sortHeader(column, state.sort, sortRanking))),
  );
  for (const [position, column] of COLUMNS.entries())
    if (column.left) table.tHead.rows[0].cells[position].className = 'left';
  const largest = Math.max(...state.ranked.map((row) => row.missed ?? 0));
  table.tBodies[0].replaceChildren(...state.ranked.slice(0, state.rows).map((row) => rankingRow(row, largest)));
  if (!state.ranked.length) table.tBodies[0].append(emptyRow(COLUMNS.length));
  drawMore('more', state.ranked.length - state.rows);
}

function drawMore(id, left) {
  place(id).hidden = left <= 0;
  place(id).textContent = t('Show {n} more of {left}', { n: whole(Math.min(left, MORE_ROWS)), left: whole(left) });
}

function sortRanking(column) {
  state.sort = nextSort(state.sort, column);
  state.ranked.sort(byColumn(state.sort));
  drawRanking();
  place('ranking').tHead.rows[0].cells[COLUMNS.indexOf(column)].firstChild.focus();
  drawPosition();
  say(sortedText(column, state.sort));
}

function rankingRow(row, largest) {
  const chosen = row.index === state.selected;
  const line = element(
    'tr',
    { class: chosen ? 'chosen' : '' },
    nameCell(row.combination, chosen),
    ...COLUMNS.slice(1).map((column) => rankingCell(row, column, largest)),
  );
  line.dataset.index = row.index;
  return line;
}

/** The combination as a button that chooses it. */
function nameCell(combination, chosen) {
  const where = quiet(`${combination.unit} · ${combination.channel}`);
  if (!combination.isDetailed)
    return element('th', { scope: 'row' }, element('span', { class: 'name' }, combination.sku), where);
  const name = element('button', { type: 'button', 'aria-current': String(chosen) }, combination.sku);
  name.setAttribute('aria-label', fullName(combination));
  return element('th', { scope: 'row' }, name, where);
}

/** Said of a combination where its unit and channel are not beside it. */
function fullName({ sku, unit, channel }) {
  return `${sku}, ${unit}, ${channel}`;
}

function rankingCell(row, column, largest) {
  if (column.spark) return element('td', {}, sparkline(recentSales(row.index)));
  const value = row[column.key];
  const shownValue = column.show(value);
  const content = column.cell && value !== null ? column.cell(row, shownValue, largest) : shownValue;
  const kind = [column.tone?.(value) ?? '', column.left ? 'left' : ''].filter(Boolean).join(' ');
  return element('td', { class: kind }, content);
}

function recentSales(index) {
  return valuesAt('history', 'y', rowsOf('history', index).slice(-SPARK_WEEKS));
}

function missedCell(row, shownValue, largest) {
  const bar = element('i', { 'aria-hidden': 'true' });
  bar.style.setProperty('--part', `${(100 * row.missed) / (largest || 1)}%`);
  return element('span', { class: 'share' }, bar, element('span', {}, shownValue));
}

function addedCell({ against }, shownValue) {
  return element('span', { title: BASELINES[against] }, shownValue);
}

/** The reason of a combination's alerts, and those of them that speak; acknowledged only if all are. */
function reasonCell({ reason, alerts }) {
  const speaking = alerts.filter((alert) => !isAcknowledged(alert));
  const more = speaking.length ? speaking.map(ruleText).join(', ') : acknowledgedText(alerts);
  return element('span', { class: 'reason' }, element('b', {}, reason), quiet(more));
}

/** Until the first of them speaks again. */
function acknowledgedText(alerts) {
  const [first] = alerts.map(({ acknowledged_until: until }) => until).sort();
  return t('acknowledged until {day}', { day: shortDay(first) });
}

function sortedText({ label }, { down }) {
  return down ? t('Sorted by {label}, highest first.', { label }) : t('Sorted by {label}, lowest first.', { label });
}

function emptyRow(nColumns) {
  const reason = combinations.length ? t('No combination matches.') : t('None yet.');
  return element('tr', { class: 'none' }, element('td', { colspan: String(nColumns) }, reason));
}

function showMore() {
  const first = state.rows;
  state.rows += MORE_ROWS;
  drawRanking();
  place('ranking').tBodies[0].rows[first]?.querySelector('button').focus();
}

/** Choosing by a click anywhere in the row; not when its text is being copied. */
function selectClicked(event) {
  const line = event.target.closest('tr[data-index]');
  const copying = !event.target.closest('button') && String(getSelection());
  if (!line || copying || !combinations[line.dataset.index].isDetailed) return;
  show(Number(line.dataset.index));
}

/** Choose a combination and go to it. */
function show(index) {
  select(index);
  goTo('detail');
}

function select(index) {
  state.selected = index;
  state.isPicked = true;
  rememberInAddress();
  state.origin = '';
  state.rows = Math.max(state.rows, position() + 1);
  drawRanking();
  drawForecast();
  drawDetail();
  say(fullName(combinations[index]));
}

function moveSelection(by) {
  const row = state.ranked[position() + by];
  if (row) select(row.index);
}

function position() {
  return state.ranked.findIndex((row) => row.index === state.selected);
}

function drawPosition() {
  // Not `disabled`: a button that is used up by the keyboard keeps the focus.
  place('previous').setAttribute('aria-disabled', String(position() <= 0));
  place('next').setAttribute('aria-disabled', String(position() >= state.ranked.length - 1));
}

/** What trains all combinations with an open alert anew, whatever the filter shows. */
function drawRetraining() {
  const n = combinations.filter(({ index }) => alertsOf(index).length).length;
  place('retrain').hidden = !n || !data.retrain.command;
  const these = tn(
    'Train the combination with an open alert anew, acknowledged or not:',
    'Train all {n} combinations with an open alert anew, acknowledged or not:',
    n,
  );
  const lead = element('p', {}, these);
  place('retrain').replaceChildren(lead, ...commandLines(data.retrain));
}
