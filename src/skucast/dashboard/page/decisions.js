// What needs a decision this week: alerts by the volume at stake, files that were refused, what is missing.

/** What a planner can do about a reason; what an engineer can do stands in the other view. */
const ADVICE = {
  promotion_without_plan: () => t('Was there a promotion? Add it to the plan.'),
  plan_without_uplift: () => t('Did the promotion take place? Check the plan.'),
  stockout: () => t('Was it out of stock? Ask for stock before you trust the number.'),
  level_shift: () => t('Is this the new level? Confirm it, or correct the number.'),
  stale_model: () => t('Its model is old: ask for a new one, or correct the number.'),
  data_gap: () => t('Sales are missing: ask who delivers them.'),
  low_volume: () => t('It sells little: a wide range is to be expected.'),
  new_sku: () => t('It is new: tell what you expect of it.'),
  unexplained: () => t('Do you know why? Correct the number if you know better.'),
};

function drawDecisions() {
  const ours = state.matching.map(decisionOf).filter(Boolean).sort((a, b) => b.volume - a.volume || a.index - b.index);
  const common = [...missingDecisions(), ...refusedDecisions()];
  const shownOnes = ours.slice(0, state.decisionRows);
  place('decisions').replaceChildren(...common, ...shownOnes.map(decisionLine));
  place('no-decision').hidden = Boolean(common.length + ours.length);
  place('no-decision').textContent = state.matching.length
    ? t('Nothing: no alert is open, no file was refused, no forecast is missing.')
    : t('No combination matches the filter.');
  drawMore('more-decisions', ours.length - shownOnes.length);
}

/** A combination's alerts that speak, as one decision; null without any. */
function decisionOf({ index }) {
  const alerts = alertsOf(index).filter((alert) => !isAcknowledged(alert));
  if (!alerts.length) return null;
  return { index, alerts, volume: Math.max(...alerts.map((alert) => alert.lost_volume ?? 0)) };
}

function decisionLine({ index, alerts, volume }) {
  const advice = ADVICE[alerts[0].reason]?.() ?? '';
  const stake = volume ? t('{volume} forecast wrongly', { volume: quantity(volume) }) : '';
  const why = [reasonText(alerts), alerts.map(ruleText).join(', ')].join(': ');
  return element(
    'li',
    {},
    combinationLink(index),
    element('span', {}, why, stake ? quiet(stake) : ''),
    advice ? element('span', { class: 'advice' }, advice) : '',
  );
}

/** A link to one combination, which can be sent; a click leads there on the page. */
function combinationLink(index) {
  const { sku, unit, channel } = combinations[index];
  const link = element('a', { href: addressOf(index), class: 'to-combination' }, sku, quiet(`${unit} · ${channel}`));
  link.addEventListener('click', (event) => {
    event.preventDefault();
    show(index);
  });
  return link;
}

/** Of the whole: no forecast, too few, sales that are late, and so on; the alerts that are about no combination. */
function missingDecisions() {
  const broken = systemAlerts().map((alert) => element('li', { class: 'bad-one' }, sentenceCase(sentence(alert.message))));
  if (!data.origin && !broken.length) broken.push(element('li', { class: 'bad-one' }, t('No forecast is stored.')));
  return broken;
}

function refusedDecisions() {
  return data.refused.map((text) => element('li', { class: 'bad-one' }, t('Promotion plan: {text}', { text: sentence(text) })));
}

function showMoreDecisions() {
  state.decisionRows += MORE_ROWS;
  drawDecisions();
}
