// One combination: its alerts and figures; its chart, its newest forecast and its model are drawn by the next files.

function drawDetail() {
  const row = state.ranked[position()];
  for (const part of place('detail').children) part.hidden = !row && part !== place('detail').firstElementChild;
  if (!row) return drawNobody();
  const { combination, index } = row;
  place('detail-title').textContent = combination.sku;
  place('detail-place').textContent = [combination.unit, combination.channel, row.class && t('class {letters}', { letters: row.class })]
    .filter(Boolean)
    .join(' · ');
  drawPosition();
  drawAlerts(row);
  drawFigures(row);
  drawOrigins(index);
  drawComing(index);
  drawCard(index);
  return Promise.all([drawSeries(index), drawParts(index)]);
}

function drawNobody() {
  place('detail-title').textContent = t('One combination');
  place('detail-place').textContent = t('No combination is shown: change or clear the filter.');
  drawPosition();
}

// --- Alerts and figures ----------------------------------------------------------------------------------------------

function drawAlerts({ index, alerts }) {
  place('alert').replaceChildren(...(alerts.length ? [alertBox(alerts, workLineOf(index))] : []));
}

/** One box for all of a combination's alerts: they share the reason, and what mends them, which the work list says. */
function alertBox(alerts, line) {
  const evidence = alerts[0].evidence ? `: ${evidenceOf(alerts[0])}` : '';
  const why = element('p', {}, quiet(t('Probable reason')), element('b', {}, reasonText(alerts)), sentence(evidence));
  const todo = line ? [adviceOf(line), element('p', { 'data-only': 'model' }, sentenceCase(sentence(t(line.engineer))))] : [];
  const box = { class: 'alert', role: 'note' };
  return element('div', box, ...alerts.map(alertLine), why, ...todo, ...commandLines(line ?? alerts[0]));
}

function adviceOf(line) {
  return element('p', { 'data-only': 'planner' }, element('b', {}, t(line.to_do)), workMemory(line));
}

function alertLine(alert) {
  const text = sentence(`: ${messageOf(alert)}`);
  return element('p', {}, element('b', {}, ruleText(alert)), text, quiet(namedAlert(alert)));
}

/** The name that it is acknowledged by, and how it stands. */
function namedAlert(alert) {
  const since = t('{state}, since {day}', { state: ALERT_STATES[alert.state], day: day(alert.opened) });
  const until = isAcknowledged(alert) ? t('acknowledged until {day}', { day: day(alert.acknowledged_until) }) : '';
  return [[since, until].filter(Boolean).join(', '), alert.alert_id].join(' · ');
}

function commandLines(alert) {
  const lines = [
    [t('On this machine'), alert.command],
    [t('On Google Cloud'), alert.gcloud_command],
  ].filter(([, command]) => command);
  return lines.map(([label, command]) => {
    const copy = element('button', { type: 'button', class: 'plain' }, t('Copy'));
    copy.setAttribute('aria-label', t('Copy: {label}', { label }));
    copy.addEventListener('click', () => copyText(command, copy));
    return element('p', { class: 'command', 'data-only': 'model' }, quiet(label), element('code', {}, command), copy);
  });
}

async function copyText(words, button) {
  try {
    await navigator.clipboard.writeText(words);
    button.textContent = t('Copied');
  } catch {
    button.textContent = t('Select it and copy'); // a page opened from disk may not be allowed to
    getSelection().selectAllChildren(button.previousElementSibling);
  }
}

function drawFigures(row) {
  const stored = rowOf('measures', row.index);
  const of = (name) => (stored < 0 ? null : data.measures[name][stored]);
  const figures = [
    [t('Missed volume'), quantity(row.missed)],
    [t('WAPE'), percent(row.wape)],
    [t('Bias'), signedPercent(row.biasRatio)],
    [t('FVA'), element('span', { title: BASELINES[row.against] }, points(row.fva))],
    [t('Coverage'), percent(row.coverage, 0)],
    [t('MASE'), fixed(of('mase'))],
    [t('RMSSE'), fixed(of('rmsse'))],
    [t('Tracking signal'), fixed(of('tracking_signal'), 1)],
    [t('Churn'), percent(of('churn'))],
    [t('Share of sales'), percent(of('volume_share'))],
  ];
  place('figures').replaceChildren(
    ...figures.map(([label, value]) => element('div', {}, element('dt', {}, label), element('dd', {}, value))),
  );
}
