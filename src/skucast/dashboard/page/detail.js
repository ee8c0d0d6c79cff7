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
