// The forecast itself: the next weeks of every combination under the filter, and all of it as a CSV file.

const SHOWN_WEEKS = 4;
const CSV_COLUMNS = [
  'unit',
  'channel',
  'SKU_ID',
  'class',
  'made_at',
  'week_ending',
  'weeks_ahead',
  'is_running_week',
  'forecast',
  'lower_80',
  'upper_80',
  'method',
  'status',
  'promotions',
  'final', // the number that counts: the forecast, or what an override makes of it
  'override_id',
];

function comingColumns(weeks) {
  return [
    { key: 'name', label: t('Combination'), rising: true },
    { key: 'class', label: t('Class'), rising: true },
    ...weeks.map((week, position) => ({ key: `week${position}`, label: shortDay(data.weeks[week]), week })),
    { key: 'total', label: counted(weeks.length, 'week') },
    { key: 'change', label: t('Change'), title: t('Against the forecast of the same weeks one run before') },
    { key: 'method', label: t('Made by'), rising: true, left: true },
  ];
}

function drawForecast() {
  const weeks = comingWeeks();
  const rows = state.matching.map((combination) => comingRow(combination, weeks)).filter((row) => row !== null);
  state.coming = rows.sort(byColumn(state.comingSort));
  place('forecast-lead').textContent = `${forecastLead(weeks, rows.length)} ${paperNote(rows.length)}`.trim();
  place('download').textContent = t('Download CSV ({combinations})', { combinations: counted(rows.length, 'combination') });
  place('download').setAttribute('aria-disabled', String(!rows.length));
  drawComingTable(comingColumns(weeks));
}

/** The first weeks forecast, as numbers of weeks. */
function comingWeeks() {
  const coming = data.forecasts.ds.filter((_, row) => !isOver(row));
  return [...new Set(coming)].sort((a, b) => a - b).slice(0, SHOWN_WEEKS);
}

function forecastLead(weeks, n) {
  if (!data.origin) return t('No forecast is stored yet.');
  const forecast = new Set(data.forecasts.ds);
  if (!state.matching.length) return t('No combination matches the filter. Change or clear it.');
  if (!n) return t('No forecast of what the filter shows is stored.');
  if (!weeks.length) return sentence(t('All weeks of the newest forecast are over; it was made at {day}', { day: day(data.origin) }));
  const open = data.forecasts.ds.some((_, row) => isRunning(row)) ? t('The first week is running already.') : '';
  const more = Math.max(...forecast) > weeks.at(-1) ? t('Later weeks are in the file.') : '';
  const of = { interval: INTERVAL, day: day(data.origin) };
  const lead = sentence(t('Sales per week with the {interval}, made at the cutoff {day}', of));
  const made = data.made_at ? t('Run {moment}.', { moment: moment(data.made_at) }) : '';
  return [lead, made, open, more, middlesText()].filter(Boolean).join(' ');
}

/** Why the numbers of single combinations do not add up to the totals. */
function middlesText() {
  return t('The number of one combination is the middle of what may be sold; totals are sums of expected values, as a rule a little more.');
}

function comingRow(combination, weeks) {
  const rows = rowsOf('forecasts', combination.index);
  if (!rows.length) return null;
  const found = new Map(rows.map((row) => [data.forecasts.ds[row], row]));
  const shownRows = weeks.map((week) => found.get(week));
  const known = shownRows.filter((row) => row !== undefined);
  return {
    index: combination.index,
    combination,
    name: `${combination.sku} ${combination.unit} ${combination.channel}`,
    class: classText(combination),
    rows: shownRows,
    ...Object.fromEntries(
      shownRows.map((row, position) => [`week${position}`, row === undefined ? null : countsAt(row)]),
    ),
    total: known.length ? known.reduce((sum, row) => sum + (countsAt(row) ?? 0), 0) : null,
    change: changeSince(combination.index, found),
    method: METHODS[data.forecasts.method[rows[0]]] ?? data.forecasts.method[rows[0]],
  };
}

/** The forecast against what the newest earlier one said of the same weeks, as a share; null where there is none. */
function changeSince(index, found) {
  const earlier = rowsOf('earlier', index).filter((row) => found.has(data.earlier.ds[row]));
  const newest = Math.max(...earlier.map((row) => data.earlier.cutoff[row]));
  const rows = earlier.filter((row) => data.earlier.cutoff[row] === newest);
  const before = rows.reduce((sum, row) => sum + (data.earlier.final[row] ?? data.earlier.yhat[row]), 0);
  const now = rows.reduce((sum, row) => sum + countsAt(found.get(data.earlier.ds[row])), 0);
  return before > 0 ? now / before - 1 : null;
}

function drawComingTable(columns) {
  const table = place('coming-weeks');
  const sort = (column) => sortComing(column, columns);
  table.tHead.replaceChildren(
    element('tr', {}, ...columns.map((column) => sortHeader(column, state.comingSort, sort))),
  );
  for (const [position, column] of columns.entries())
    if (column.left) table.tHead.rows[0].cells[position].className = 'left';
  table.tBodies[0].replaceChildren(...state.coming.slice(0, state.comingRows).map(comingLine));
  if (!state.coming.length) table.tBodies[0].append(emptyRow(columns.length));
  drawMore('more-coming', state.coming.length - state.comingRows);
}

function sortComing(column, columns) {
  state.comingSort = nextSort(state.comingSort, column);
  state.coming.sort(byColumn(state.comingSort));
  drawComingTable(columns);
  place('coming-weeks').tHead.rows[0].cells[columns.indexOf(column)].firstChild.focus();
  say(sortedText(column, state.comingSort));
}

function comingLine(row) {
  const chosen = row.index === state.selected;
  const there = row.rows.filter((found) => found !== undefined);
  const line = element(
    'tr',
    { class: chosen ? 'chosen' : '' },
    nameCell(row.combination, chosen),
    element('td', {}, text(row.class)),
    ...row.rows.map((found) => (found === undefined ? element('td', {}, UNDEFINED) : comingCell(found))),
    element('td', {}, element('b', {}, quantity(row.total))),
    element('td', {}, signedPercent(row.change)),
    element('td', { class: 'left' }, there.length ? methodCell(...there) : row.method),
  );
  line.dataset.index = row.index;
  return line;
}

function comingCell(row) {
  const { yhat, yhat_lower: lower, yhat_upper: upper, override_id: by, promo_source: source } = data.forecasts;
  const isPlanned = source[row] === 'planned';
  const mark = isPlanned ? [element('i', { class: 'promo-mark', title: promoText('planned') }, t('promo'))] : [];
  const beside = by[row] ? t('model: {number}', { number: quantity(yhat[row]) }) : interval(lower[row], upper[row]);
  return element('td', {}, ...mark, quantity(countsAt(row)), quiet(beside));
}

function showMoreComing() {
  const first = state.comingRows;
  state.comingRows += MORE_ROWS;
  drawForecast();
  place('coming-weeks').tBodies[0].rows[first]?.querySelector('button')?.focus();
}

/** The workbook lies beside the page, where the jobs write both; a page that was sent has none. */
function linkWorkbook() {
  const beside = /\/dashboard\/(?:index|(\d{4}-\d\d-\d\d))\.html$/.exec(location.pathname);
  if (!beside) return;
  const own = catalogues.locale || language === SOURCE_LANGUAGE ? '' : language; // without LOCALE there is one of each
  place('workbook').href = `${['forecast', beside[1], own].filter(Boolean).join('-')}.xlsx`;
  place('workbook').hidden = false;
}

// --- The file -------------------------------------------------------------------------------------------------------

function download() {
  if (!state.coming.length) return;
  saveFile(`forecast-${data.origin}.csv`, 'text/csv;charset=utf-8', csv());
  say(t('{combinations} saved as a CSV file.', { combinations: counted(state.coming.length, 'combination') }));
}

/** The number that counts of a forecast's row: the model's, or what an override makes of it. */
function countsAt(row) {
  return data.forecasts.final[row] ?? data.forecasts.yhat[row];
}

/** What sums add up of a row: the planner's number if there is one, else the expected value. */
function expectedAt(row) {
  return data.forecasts.override_id[row] ? countsAt(row) : data.forecasts.mean[row];
}

/** What the user's spreadsheet takes as it is: its decimal sign, a separator that differs from it, and UTF-8's mark. */
function csv() {
  return csvOf([CSV_COLUMNS, ...state.coming.flatMap(csvRows)]);
}

function csvOf(lines) {
  const decimal = partOf(new Intl.NumberFormat(fileLocale).formatToParts(1.5), 'decimal', '.');
  const separator = decimal === ',' ? ';' : ',';
  const cell = (value) => csvCell(value, decimal, separator);
  return `\ufeff${lines.map((line) => line.map(cell).join(separator)).join('\r\n')}\r\n`;
}

function csvRows({ index, combination }) {
  const of = data.forecasts;
  return rowsOf('forecasts', index).map((row) => [
    combination.unit,
    combination.channel,
    combination.sku,
    classText(combination) ?? '',
    data.weeks[of.cutoff[row]],
    data.weeks[of.ds[row]],
    of.step[row],
    isRunning(row) ? 'yes' : 'no',
    of.yhat[row],
    of.yhat_lower[row],
    of.yhat_upper[row],
    of.method[row],
    of.status[row],
    of.promo_source[row],
    countsAt(row),
    of.override_id[row],
  ]);
}

/** A text that a spreadsheet would read as a formula gets an apostrophe in front, which shows it as text. */
function csvCell(value, decimal, separator) {
  if (value === null) return '';
  if (typeof value === 'number') return String(value).replace('.', decimal);
  const harmless = /^[\s']*[=+\-@＝＋－＠]|^[\t\r]/.test(value) ? `'${value}` : value;
  const needsQuotes = /["\r\n]/.test(harmless) || harmless.includes(separator);
  return needsQuotes ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
