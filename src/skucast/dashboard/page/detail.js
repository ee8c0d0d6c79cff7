// One combination: its alerts and figures; its chart, its newest forecast and its model are drawn by the next files.

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
  drawComing(index);
  drawCard(index);
  return Promise.all([drawSeries(index), drawParts(index)]);
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
    ['Missed volume', quantity(row.missed)],
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
