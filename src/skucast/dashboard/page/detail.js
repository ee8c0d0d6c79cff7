// One combination: its alerts, its history with promotions and holidays, forecasts by origin, components, model card.

const SPANS = [
  [26, '26 weeks'],
  [52, '52 weeks'],
  [0, 'All'],
];
const INTERVAL = `${percent(EXPECTED_COVERAGE, 0)} interval`;
const METHODS = {
  prophet: 'Model',
  mean_8: 'Mean of the last 8 weeks',
  seasonal_naive: 'Same week last year',
  zero: 'Zero',
};
const STATUSES = {
  ok: 'model forecast',
  capped: 'model forecast, limited to a plausible height',
  no_model: 'no model trained yet',
  short_history: 'history too short for a model',
  load_failed: 'stored model could not be read',
  forecast_failed: 'model gave no usable forecast',
  inactive: 'no longer sold',
};
const COMPONENTS = {
  level: 'Level',
  yearly: 'Time of year',
  holidays: 'Holidays',
  promo: 'Promotion',
  weather: 'Weather',
  carry_over: 'Last week\u2019s sales',
};
const PROMO_SOURCES = {
  planned: 'promotion planned',
  none: 'no promotion planned',
  expected: 'no plan: usual promotions',
};
const PROMOTIONS_KNOWN = {
  plan: 'with the promotions plan as it was known',
  perfect_plan: 'with the promotions that came to pass',
  expected: 'with the usual promotions, as there is no plan',
};

function drawDetail() {
  const row = state.ranked[position()];
  for (const part of place('detail').children) part.hidden = !row && part !== place('detail').firstElementChild;
  if (!row) return drawNobody();
  const { combination, index } = row;
  place('detail-title').textContent = combination.sku;
  place('detail-place').textContent = [combination.unit, combination.channel, row.class && `class ${row.class}`]
    .filter(Boolean)
    .join(' · ');
  drawPosition();
  drawAlerts(row);
  drawFigures(row);
  drawOrigins(index);
  drawSeries(index);
  drawParts(index);
  drawComing(index);
  return drawCard(index);
}

function drawNobody() {
  place('detail-title').textContent = 'One combination';
  place('detail-place').textContent = 'No combination is shown: change or clear the filter.';
  drawPosition();
}

// --- Alerts and figures ----------------------------------------------------------------------------------------------

function drawAlerts({ alerts }) {
  place('alert').replaceChildren(...(alerts.length ? [alertBox(alerts)] : []));
}

/** One box for all of a combination's alerts: they share the reason, and what mends them. */
function alertBox(alerts) {
  const evidence = alerts[0].evidence ? `: ${alerts[0].evidence}` : '';
  const why = element('p', {}, quiet('Probable reason'), element('b', {}, reasonText(alerts)), sentence(evidence));
  return element('div', { class: 'alert', role: 'note' }, ...alerts.map(alertLine), why, ...commandLines(alerts[0]));
}

function alertLine(alert) {
  const text = sentence(`: ${alert.message}`);
  return element('p', {}, element('b', {}, ruleText(alert)), text, quiet(namedAlert(alert)));
}

/** The name that it is acknowledged by, and how it stands. */
function namedAlert(alert) {
  const until = isAcknowledged(alert) ? `, acknowledged until ${day(alert.acknowledged_until)}` : '';
  return `${ALERT_STATES[alert.state]}, since ${day(alert.opened)}${until} · ${alert.alert_id}`;
}

function commandLines(alert) {
  const lines = [
    ['On this machine', alert.command],
    ['On Google Cloud', alert.gcloud_command],
  ].filter(([, command]) => command);
  return lines.map(([label, command]) => {
    const copy = element('button', { type: 'button', class: 'plain' }, 'Copy');
    copy.setAttribute('aria-label', `Copy: ${label}`);
    copy.addEventListener('click', () => copyText(command, copy));
    return element('p', { class: 'command' }, quiet(label), element('code', {}, command), copy);
  });
}

async function copyText(words, button) {
  try {
    await navigator.clipboard.writeText(words);
    button.textContent = 'Copied';
  } catch {
    button.textContent = 'Select it and copy'; // a page opened from disk may not be allowed to
    getSelection().selectAllChildren(button.previousElementSibling);
  }
}

function drawFigures(row) {
  const stored = rowOf('measures', row.index);
  const of = (name) => (stored < 0 ? null : data.measures[name][stored]);
  const figures = [
    ['Lost volume', quantity(row.lost)],
    ['WAPE', percent(row.wape)],
    ['Bias', signedPercent(row.biasRatio)],
    ['FVA', points(row.fva)],
    ['Coverage', percent(row.coverage, 0)],
    ['MASE', fixed(of('mase'))],
    ['RMSSE', fixed(of('rmsse'))],
    ['Tracking signal', fixed(of('tracking_signal'), 1)],
    ['Churn', percent(of('churn'))],
    ['Share of sales', percent(of('volume_share'))],
  ];
  place('figures').replaceChildren(
    ...figures.map(([label, value]) => element('div', {}, element('dt', {}, label), element('dd', {}, value))),
  );
}

// --- Forecasts by origin --------------------------------------------------------------------------------------------

/** Every forecast of a combination that is on the page: by origin (a date), newest first, rows {table, row}. */
function forecastsByOrigin(index) {
  const found = new Map();
  for (const table of ['scored', 'earlier', 'forecasts']) {
    for (const row of rowsOf(table, index)) {
      const origin = data.weeks[data[table].cutoff[row]];
      found.set(origin, [...(found.get(origin) ?? []), { table, row }]);
    }
  }
  for (const rows of found.values()) rows.sort((a, b) => data[a.table].ds[a.row] - data[b.table].ds[b.row]);
  return new Map([...found].sort((a, b) => (a[0] < b[0] ? 1 : -1)));
}

function drawOrigins(index) {
  const origins = [...forecastsByOrigin(index).keys()];
  const labels = origins.map((origin) =>
    option(origin === data.origin ? `${day(origin)} (newest)` : day(origin), origin),
  );
  place('origin').replaceChildren(...labels);
  place('origin').disabled = origins.length < 2;
  if (!origins.includes(state.origin)) state.origin = origins[0] ?? '';
  place('origin').value = state.origin;
}

function originPoints(rows) {
  return {
    x: rows.map(({ table, row }) => data.weeks[data[table].ds[row]]),
    at: (name) => rows.map(({ table, row }) => data[table][name][row]),
  };
}

function drawSeries(index) {
  const known = rowsOf('history', index);
  const byOrigin = forecastsByOrigin(index);
  if (!known.length && !byOrigin.size) {
    return showEmpty(place('series'), 'Neither history nor a forecast is stored for this combination.');
  }
  const newest = known.length ? data.weeks[data.history.ds[known.at(-1)]] : data.cutoff;
  const since = state.span ? weeksBefore(newest, state.span - 1) : '';
  const within = (week) => week >= since;
  const rows = known.filter((row) => within(data.weeks[data.history.ds[row]]));
  const chosen = originPoints(byOrigin.get(state.origin) ?? []);
  const traces = [
    ...promotionTraces(index, rows),
    ...intervalTraces(chosen),
    ...earlierTraces(byOrigin, within),
    salesTrace(rows),
    chosenTrace(chosen),
    holidayTrace(rows, chosen.x),
  ].filter((trace) => trace.x.length);
  place('series-hint').textContent = seriesHint(rows);
  drawSeriesTable(rows, chosen);
  const { combination } = state.ranked[position()];
  const label = `Sales per week of ${combination.sku}, ${combination.unit}, ${combination.channel}, with its forecasts.`;
  return plot('series', traces, seriesLayout(traces), label);
}

/** What the chart shows, newest week first. */
function drawSeriesTable(rows, chosen) {
  const headings = ['Week ending', 'Sales', 'Promotion', 'Holiday', 'Forecast', INTERVAL];
  drawTable('series-table', headings, () => {
    const known = new Map(rows.map((row) => [data.weeks[data.history.ds[row]], row]));
    const planned = new Map(
      rowsOf('plan', state.selected).map((row) => [data.weeks[data.plan.ds[row]], data.plan.promo_discount_perc[row]]),
    );
    const holidays = new Map(data.holidays.map(({ week, names }) => [week, names.join(', ')]));
    const column = (name) => chosen.at(name);
    const [yhat, lower, upper] = ['yhat', 'yhat_lower', 'yhat_upper'].map(column);
    const weeks = [...new Set([...known.keys(), ...chosen.x])].sort().reverse();
    return weeks.map((week) => {
      const row = known.get(week);
      const at = chosen.x.indexOf(week);
      const discount = planned.get(week) ?? (row === undefined ? null : data.history.promo_discount_perc[row]);
      return [
        day(week),
        quantity(row === undefined ? null : data.history.y[row]),
        discount > 0 ? percent(discount / 100) : UNDEFINED,
        holidays.get(week) ?? UNDEFINED,
        quantity(at < 0 ? null : yhat[at]),
        at < 0 ? UNDEFINED : interval(lower[at], upper[at]),
      ];
    });
  });
}

function seriesHint(rows) {
  const parts = [];
  if (state.origin) parts.push(sentence(`Dotted line: where the forecast was made, ${day(state.origin)}`));
  const gap = rows.some((row) => data.history.y[row] === null && data.weeks[data.history.ds[row]] <= data.cutoff);
  if (gap) parts.push('Gaps in the line: sales of the week unknown, for example out of stock.');
  return parts.join(' ');
}

function salesTrace(rows) {
  const y = valuesAt('history', 'y', rows);
  const line = { color: colour('actual'), width: 1.75 };
  return {
    ...lineOf('Sales', weeksAt('history', rows), y),
    legendrank: 1,
    marker: { size: 3.5, color: line.color },
    line,
  };
}

function chosenTrace({ x, at }) {
  const line = { color: colour('accent'), width: 2.75 };
  return { ...lineOf('Forecast', x, at('yhat')), legendrank: 2, marker: { size: 7, color: line.color }, line };
}

/** All other origins as thin lines; or only what each said of the next week, as rings. */
function earlierTraces(byOrigin, within) {
  const others = [...byOrigin].filter(([origin]) => origin !== state.origin).reverse();
  if (state.allOrigins) return earlierPaths(others, within);
  const steps = others.flatMap(([, rows]) => rows.filter(({ table, row }) => data[table].step[row] === 1));
  const { x, at } = originPoints(steps.filter(({ table, row }) => within(data.weeks[data[table].ds[row]])));
  const marker = { size: 8, symbol: 'circle-open', color: colour('accent'), line: { width: 1.5 } };
  return [{ ...lineOf('Earlier forecasts, 1 week ahead', x, at('yhat')), legendrank: 4, mode: 'markers', marker }];
}

function earlierPaths(others, within) {
  const line = { color: colour('step-2'), width: 1.25 };
  return others.map(([origin, rows], position) => {
    const { x, at } = originPoints(rows.filter(({ table, row }) => within(data.weeks[data[table].ds[row]])));
    return {
      ...lineOf(`made ${shortDay(origin)}`, x, at('yhat')),
      legendrank: 4,
      legendgroup: 'earlier',
      showlegend: position === 0,
      ...(position === 0 ? { name: 'Earlier forecasts' } : {}),
      hoverinfo: 'skip',
      hovertemplate: null,
      marker: { size: 3, color: line.color },
      line,
    };
  });
}

function intervalTraces({ x, at }) {
  const edge = { mode: 'lines', line: { width: 0, color: colour('accent') }, legendgroup: 'interval' };
  return [
    { ...lineOf(`${INTERVAL}, lower end`, x, at('yhat_lower')), ...edge, showlegend: false },
    { ...lineOf(INTERVAL, x, at('yhat_upper')), ...edge, legendrank: 3, fill: 'tonexty', fillcolor: colour('band') },
  ];
}

/** Full-height bars behind the lines, on an axis of their own: what was, and what is planned. */
function promotionTraces(index, rows) {
  const was = rows.filter((row) => data.history.promo_discount_perc[row] > 0);
  const planned = rowsOf('plan', index);
  return [
    promotionBars('Promotion', 'history', was, { color: colour('promo'), line: { width: 0 } }),
    promotionBars('Promotion planned', 'plan', planned, {
      color: 'rgba(0, 0, 0, 0)',
      pattern: { shape: '/', fgcolor: colour('promo-line'), size: 6, solidity: 0.25 },
      line: { width: 1, color: colour('promo-line') },
    }),
  ];
}

function promotionBars(name, table, rows, marker) {
  const discounts = valuesAt(table, 'promo_discount_perc', rows);
  return {
    type: 'bar',
    name,
    legendrank: 5,
    x: weeksAt(table, rows),
    y: rows.map(() => 1),
    yaxis: 'y2',
    width: 7 * DAY_MS,
    text: discounts.map((discount) => percent(discount / 100)),
    textposition: 'none',
    hovertemplate: '%{text} off on average',
    marker,
  };
}

/** A mark above each week with a holiday; its names on hovering. */
function holidayTrace(rows, coming) {
  const weeks = new Set([...weeksAt('history', rows), ...coming]);
  const found = data.holidays.filter(({ week }) => weeks.has(week));
  return {
    ...lineOf(
      'Holiday',
      found.map(({ week }) => week),
      found.map(() => 0.985),
      found.map(({ names }) => names.join(', ')),
    ),
    legendrank: 6,
    mode: 'markers',
    yaxis: 'y2',
    marker: { symbol: 'triangle-down', size: 9, color: colour('holiday') },
  };
}

function seriesLayout(traces) {
  const layout = commonLayout('Sales per week', ',');
  const weeks = traces.flatMap((trace) => trace.x).sort();
  layout.xaxis.range = weekRange(weeks, 12);
  layout.yaxis.rangemode = 'tozero';
  layout.yaxis.overlaying = 'y2';
  layout.yaxis2 = { range: [0, 1], visible: false, fixedrange: true };
  layout.bargap = 0;
  if (state.origin) {
    const cutoff = daysAfter(state.origin, 3.5); // between the last known week and the first forecast
    layout.shapes = [fullHeight('line', cutoff, cutoff, { line: { color: colour('edge'), width: 1, dash: 'dot' } })];
  }
  return layout;
}

// --- The newest forecast: components, weeks, model ------------------------------------------------------------------

function partsOf(rows) {
  const made = rows.some((row) => data.forecasts.method[row] === 'prophet');
  return made ? Object.keys(COMPONENTS).filter((part) => rows.some((row) => data.forecasts[part][row])) : [];
}

/** Bars that add up to the forecast before it is limited to zero or above. */
function drawParts(index) {
  const rows = rowsOf('forecasts', index);
  const parts = partsOf(rows);
  place('parts-lead').textContent = parts.length
    ? 'Parts of each week\u2019s forecast; parts below zero hang below the line.'
    : '';
  drawPartsTable(rows, parts);
  if (!parts.length) {
    return showEmpty(
      place('parts'),
      rows.length ? 'No model made these numbers, so they have no parts.' : 'No forecast is stored.',
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
    hovertemplate: '%{text}',
    marker: { color: colour(`part-${part}`), line: { color: colour('sheet'), width: 1 } },
  }));
  const marker = { symbol: 'diamond', size: 9, color: colour('ink'), line: { color: colour('sheet'), width: 1.5 } };
  bars.push({ ...lineOf('Forecast', x, valuesAt('forecasts', 'yhat', rows)), mode: 'markers', marker });
  return plot(
    'parts',
    bars,
    partsLayout(),
    'Parts of the forecast of the next weeks; the same numbers are in the table below.',
  );
}

function partsLayout() {
  const layout = commonLayout('Sales per week', ',');
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
  place('parts-table').replaceChildren(...(parts.length ? [smallTable(['Week ending', ...weeks], lines)] : []));
}

function swatch(part) {
  const mark = element('i', { class: 'swatch', 'aria-hidden': 'true' });
  mark.style.setProperty('--of', `var(--part-${part})`);
  return mark;
}

function drawComing(index) {
  const rows = rowsOf('forecasts', index);
  if (!rows.length) return showEmpty(place('coming'), 'No forecast of this combination is stored.');
  const { yhat, yhat_lower: lower, yhat_upper: upper } = data.forecasts;
  const lines = rows.map((row) => [
    weekCell(row),
    quantity(yhat[row]),
    interval(lower[row], upper[row]),
    methodCell(row),
  ]);
  const table = smallTable(['Week ending', 'Forecast', INTERVAL, 'Made by'], lines);
  return place('coming').replaceChildren(table, freshness(rows[0]));
}

function weekCell(row) {
  const where = isOver(row) ? quiet('over') : isRunning(row) ? quiet('running week') : '';
  return element('span', {}, shortDay(data.weeks[data.forecasts.ds[row]]), where);
}

function methodCell(row) {
  const { method, status, promo_source: source } = data.forecasts;
  const reason =
    status[row] === 'ok' ? (PROMO_SOURCES[source[row]] ?? source[row]) : (STATUSES[status[row]] ?? status[row]);
  return element('span', {}, METHODS[method[row]] ?? method[row], quiet(reason));
}

function freshness(row) {
  const known = data.forecasts.data_cutoff[row];
  const late = known && known < data.origin ? `${sentence(`Sales were known only to ${day(known)}`)} ` : '';
  return element('p', { class: 'hint' }, late);
}

function drawCard(index) {
  const forecast = rowOf('forecasts', index);
  const version = forecast < 0 ? '' : data.forecasts.model_version[forecast];
  if (!version) {
    const status = forecast < 0 ? null : data.forecasts.status[forecast];
    const reason =
      status === null ? 'No forecast, and no model known.' : sentence(`No model: ${STATUSES[status] ?? status}`);
    return place('card').replaceChildren(element('p', { class: 'empty' }, reason));
  }
  const facts = [
    ['Version', version],
    ['Trained through', day(data.forecasts.model_cutoff[forecast])],
    ...modelFacts(rowOf('models', index)),
  ];
  const lines = facts.map(([label, value]) => element('div', {}, element('dt', {}, label), element('dd', {}, value)));
  return place('card').replaceChildren(element('dl', { class: 'model' }, ...lines));
}

function modelFacts(row) {
  const { models } = data;
  if (row < 0) return [['Training', 'not in the registry']];
  const known = PROMOTIONS_KNOWN[models.backtest_promotions[row]];
  return [
    ['History', models.n_weeks[row] === null ? UNDEFINED : counted(models.n_weeks[row], 'known week')],
    ['Backtest WAPE', element('span', {}, backtestText(row), ...(known ? [quiet(known)] : []))],
    ['By weeks ahead', byStepText(models.backtest_by_step[row])],
    ['Settings', settingsList(models.hyperparameters[row])],
    ['Fit', models.is_converged[row] === false ? 'stopped at the bound on its steps' : 'converged'],
    ['Trained by', models.run_id[row]],
  ];
}

function backtestText(row) {
  const { backtest_wape: wape, backtest_wape_last_year: base, backtest_origins: origins } = data.models;
  const times = origins[row] === null ? '' : `, ${counted(origins[row], 'origin')}`;
  return `${percent(wape[row])} (same week last year ${percent(base[row])}${times})`;
}

function byStepText(json) {
  const steps = Object.entries(json ? JSON.parse(json) : {});
  return steps.map(([step, wape]) => `${step}: ${percent(wape)}`).join(', ') || UNDEFINED;
}

/** The settings that all averaged models share, then what each has of its own, best first. */
function settingsList(json) {
  const models = json ? [JSON.parse(json)].flat().map(plainSettings) : [];
  if (!models.length) return UNDEFINED;
  const isShared = ([name, value]) => models.every((settings) => settings.get(name) === value);
  const shared = [...models[0]].filter(isShared);
  const own = models.map((settings) => [...settings].filter((setting) => !isShared(setting)));
  if (models.length === 1) return settingsText(shared);
  const lines = own.map((settings) => element('li', {}, settingsText(settings)));
  const title = `Mean of ${whole(models.length)} models, best first, which differ in:`;
  return element('span', {}, title, element('ol', {}, ...lines), quiet(settingsText(shared)));
}

function plainSettings(settings) {
  return new Map(Object.entries(settings).filter(([, value]) => value !== null && typeof value !== 'object'));
}

function settingsText(settings) {
  const number = (value) => shown(value, { maximumSignificantDigits: 4 });
  const value = (of) => (typeof of === 'number' ? number(of) : of);
  return settings.map(([name, of]) => `${name.replaceAll('_', ' ')} ${value(of)}`).join(', ') || UNDEFINED;
}
