// One combination's newest forecast: what it is made of, and its weeks.

const METHODS = {
  blend: t('Its own model and the one of all articles'),
  prophet: t('Its own model'),
  panel: t('The model of all articles'),
  ses: t('Smoothed recent weeks'),
  tsb: t('Rate of rare sales'),
  mean_4: t('Mean of the last 4 weeks'),
  mean_8: t('Mean of the last 8 weeks'),
  last_week: t('Last week'),
  seasonal_naive: t('Same week last year'),
  zero: t('Zero'),
  last_season: t('Like the season before'),
  launch_curve: t('How new articles begin'),
  reference: t('Like its reference articles'),
  sba: t('Rate of rare sales'),
  mean: t('Mean of the last year'),
};
const MODEL_METHODS = ['blend', 'prophet', 'panel'];
const STATUSES = {
  ok: t('model forecast'),
  capped: t('model forecast, limited to a plausible height'),
  refreshed: t('model forecast, fitted anew to the newest sales'),
  stale: t('model forecast, of an old model'),
  no_model: t('no model trained yet'),
  short_history: t('history too short for a model'),
  naive_better: t('a naive method backtests better than its model'),
  load_failed: t('stored model could not be read'),
  forecast_failed: t('model gave no usable forecast'),
  inactive: t('no longer sold'),
  sales_missing: t('carried on: not in the sales any more'),
  seasonal: t('sold in a season'),
  new: t('sold for a few weeks'),
  announced: t('announced, not yet sold'),
  phase_out: t('leaves its sales to a successor'),
  successor: t('takes over from another article'),
};
const COMPONENTS = {
  level: t('Level'),
  yearly: t('Time of year'),
  holidays: t('Holidays'),
  promo: t('Promotion'),
  weather: t('Weather'),
  regressors: t('Price and the like'),
  carry_over: t('Last week\u2019s sales'),
};
const PROMO_SOURCES = {
  planned: t('promotion planned'),
  none: t('no promotion planned'),
  expected: t('no plan: usual promotions'),
};

/** What is known of a week's promotions; nothing where the business has none. */
function promoText(source) {
  return data.has_promotions ? (PROMO_SOURCES[source] ?? source) : '';
}

function partsOf(rows) {
  const made = rows.some((row) => MODEL_METHODS.includes(data.forecasts.method[row]));
  return made ? Object.keys(COMPONENTS).filter((part) => rows.some((row) => data.forecasts[part][row])) : [];
}

/** Bars that add up to the forecast before it is limited to zero or above. */
function drawParts(index) {
  const rows = rowsOf('forecasts', index);
  const parts = partsOf(rows);
  place('parts-lead').textContent = parts.length
    ? t('Parts of each week\u2019s forecast; parts below zero hang below the line.')
    : '';
  drawPartsTable(rows, parts);
  if (!parts.length) {
    return showEmpty(
      place('parts'),
      rows.length ? t('No model made these numbers, so they have no parts.') : t('No forecast is stored.'),
    );
  }
  const x = weeksAt('forecasts', rows).map(shortDay);
  const bars = parts.map((part) => ({
    type: 'bar',
    name: COMPONENTS[part],
    x,
    y: valuesAt('forecasts', part, rows),
    text: valuesAt('forecasts', part, rows).map(signedQuantity),
    textposition: 'none',
    marker: { color: colour(`part-${part}`), line: { color: colour('sheet'), width: 1 } },
  }));
  const marker = { symbol: 'diamond', size: 9, color: colour('ink'), line: { color: colour('sheet'), width: 1.5 } };
  bars.push({ ...lineOf(t('Forecast'), x, valuesAt('forecasts', 'yhat', rows)), mode: 'markers', marker });
  return plot(
    'parts',
    bars,
    partsLayout(),
    t('Parts of the forecast of the next weeks; the same numbers are in the table below.'),
  );
}

function partsLayout() {
  const layout = commonLayout(t('Sales per week'), ',');
  layout.barmode = 'relative';
  layout.bargap = 0.35;
  layout.xaxis = { ...layout.xaxis, type: 'category', tickformat: '', hoverformat: '' };
  layout.yaxis = { ...layout.yaxis, zeroline: true, zerolinecolor: colour('edge') };
  return layout;
}

function drawPartsTable(rows, parts) {
  const weeks = rows.map((row) => shortDay(data.weeks[data.forecasts.ds[row]]));
  const lines = parts.map((part) => [
    element('span', {}, swatch(part), COMPONENTS[part]),
    ...rows.map((row) => (part === 'level' ? quantity : signedQuantity)(data.forecasts[part][row])),
  ]);
  place('parts-table').replaceChildren(...(parts.length ? [smallTable([t('Week ending'), ...weeks], lines)] : []));
}

function swatch(part) {
  const mark = element('i', { class: 'swatch', 'aria-hidden': 'true' });
  mark.style.setProperty('--of', `var(--part-${part})`);
  return mark;
}

function drawComing(index) {
  const rows = rowsOf('forecasts', index);
  if (!rows.length) return showEmpty(place('coming'), t('No forecast of this combination is stored.'));
  const { yhat, yhat_lower: lower, yhat_upper: upper, override_id: overrides } = data.forecasts;
  const lines = rows.map((row) => [
    weekCell(row),
    overrides[row] ? corrected(row) : quantity(yhat[row]),
    interval(lower[row], upper[row]),
    methodCell(row),
  ]);
  const table = smallTable([t('Week ending'), t('Forecast'), INTERVAL, t('Made by')], lines);
  return place('coming').replaceChildren(table, freshness(rows[0]));
}

/** The planner's number, and the model's beside it. */
function corrected(row) {
  const model = quiet(t('model: {number}', { number: quantity(data.forecasts.yhat[row]) }));
  return element('span', {}, quantity(countsAt(row)), ' ', model);
}

function weekCell(row) {
  const where = isOver(row) ? quiet(t('over')) : isRunning(row) ? quiet(t('running week')) : '';
  return element('span', {}, shortDay(data.weeks[data.forecasts.ds[row]]), where);
}

/** What made the forecasts of these weeks, and why or with which promotions; what is not so in all is said by week. */
function methodCell(...rows) {
  const method = wordsOfWeeks(rows, methodText);
  const reason = wordsOfWeeks(rows, reasonOfWeek);
  return element('span', {}, method, reason ? quiet(reason) : '');
}

function methodText(row) {
  return METHODS[data.forecasts.method[row]] ?? data.forecasts.method[row];
}

function reasonOfWeek(row) {
  const { status, promo_source: source } = data.forecasts;
  return ['ok', 'refreshed'].includes(status[row]) ? promoText(source[row]) : (STATUSES[status[row]] ?? status[row]);
}

/** The word for all weeks where it is one; else each word with its weeks. */
function wordsOfWeeks(rows, wordOf) {
  const weeks = new Map();
  for (const row of rows) {
    const word = wordOf(row);
    weeks.set(word, [...(weeks.get(word) ?? []), shortDay(data.weeks[data.forecasts.ds[row]])]);
  }
  if (weeks.size > 1) weeks.delete(promoText('none')); // where there is a promotion in some weeks, those are named
  if (weeks.size === 1 && [...weeks.values()][0].length === rows.length) return weeks.keys().next().value;
  return [...weeks].map(([word, of]) => (word ? t('{word} ({weeks})', { word, weeks: of.join(', ') }) : '')).join('; ');
}

function freshness(row) {
  const known = data.forecasts.data_cutoff[row];
  const late = known && known < data.origin ? sentence(t('Sales were known only to {day}', { day: day(known) })) : '';
  return element('p', { class: 'hint' }, late);
}
