// What needs a decision: the work list, with what people have said of it.

const STATES = {
  done: () => t('Done'),
  snoozed: ({ snoozed_until: until }) => t('Snoozed until {day}', { day: shortDay(until) }),
};

const BACK = {
  opened_anew: t('Back: opened anew'),
  worse: t('Back: clearly worse'),
  its_day: t('Back: its day has come'),
};

function drawDecisions() {
  const lines = workLines();
  const open = lines.filter(isOnTheList).slice(0, data.work_lines);
  const shownOnes = open.slice(0, state.decisionRows);
  const isSaid = data.origin || open.some(({ kind }) => kind === 'system');
  const none = isSaid ? [] : [element('li', { class: 'bad-one' }, t('No forecast is stored.'))];
  place('decisions').replaceChildren(...none, ...shownOnes.map(decisionLine));
  place('no-decision').hidden = Boolean(none.length + open.length);
  place('no-decision').textContent = state.matching.length
    ? t('Nothing: no alert is open, no file was refused, no forecast is missing.')
    : t('No combination matches the filter.');
  drawMore('more-decisions', open.length - shownOnes.length);
  drawResting(lines);
}

/** The lines of the whole, and those of the combinations that the filter shows. */
function workLines() {
  const shownOnes = new Set(state.matching.map(({ index }) => index));
  const isEverything = shownOnes.size === combinations.length;
  return data.work.line_id
    .map((_, row) => alertAt(data.work, row))
    .filter(({ kind, combination }) => kind !== 'combination' || isEverything || shownOnes.has(combination));
}

function isOnTheList({ state: itsState }) {
  return itsState === 'open';
}

/** The line about a combination, open or not; undefined without one. */
function workLineOf(index) {
  const row = data.work.combination.indexOf(index);
  return row < 0 ? undefined : alertAt(data.work, row);
}

function decisionLine(line) {
  const stake = line.at_stake ? t('{volume} forecast wrongly', { volume: quantity(line.at_stake) }) : '';
  const tag = [line.is_new ? t('new') : '', stake].filter(Boolean).join(' \u00b7 ');
  const planned = line.planned.split(', ').filter(Boolean).map(shortDay).join(', ');
  return element(
    'li',
    isAboutSales(line) ? {} : { class: 'bad-one' },
    workName(line),
    element('span', {}, workWhy(line), tag ? quiet(tag) : ''),
    planned ? quiet(t('Promotions planned: {weeks}', { weeks: planned })) : '',
    element('span', { class: 'advice' }, t(line.to_do)),
    workMemory(line),
    workChoice(line),
  );
}

/** Whether a line is about a combination or a group of them. */
function isAboutSales({ kind }) {
  return kind === 'combination' || kind === 'group';
}

/** What the line is about: a combination's leads to it. */
function workName(line) {
  const name = line.kind === 'file' ? line.about : t(line.what);
  if (line.combination >= 0) return combinationLink(line.combination);
  return element('b', {}, isAboutSales(line) ? line.about : name);
}

function workWhy({ kind, reason, rules, why, why_json: kept }) {
  if (kind === 'file' || kind === 'group') return sentenceCase(sentence(saidAs(why, kept)));
  if (kind !== 'combination') return sentenceCase(sentence(wholesWhy(rules) ?? why));
  const broken = rules.split(',').map((rule) => ruleText({ rule }));
  return [reasonText([{ reason, rule: broken[0] }]), broken.join(', ')].join(': ');
}

/** What an alert of the whole says to planners, in the page's language; null in English, or where it is no alert. */
function wholesWhy(rules) {
  const kept = systemAlerts().find(({ rule }) => rule === rules)?.message_json;
  if (!kept || language === SOURCE_LANGUAGE) return null;
  const message = JSON.parse(kept);
  return worded(message.places.part0 ?? message.places.models ?? message); // what follows is for engineers
}

/** What people have said of the line: who and when, whose it is, and why it is back. */
function workMemory(line) {
  const said = [
    STATES[line.state]?.(line),
    BACK[line.back],
    line.owner && t('Owner: {name}', { name: line.owner }),
    line.comment && `\u201c${line.comment}\u201d`,
    line.said_by && t('{name}, {day}', { name: line.said_by, day: shortDay(line.said_at) }),
  ].filter(Boolean);
  return said.length ? element('span', { class: 'memory' }, said.join(' \u00b7 ')) : '';
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

/** How many lines are new, done and snoozed; those that rest, with the way back to the list. */
function drawResting(lines) {
  const resting = lines.filter((line) => !isOnTheList(line));
  const count = (has) => whole(lines.filter(has).length);
  place('work-tally').textContent = t('{fresh} new since last week, {done} done, {snoozed} snoozed.', {
    fresh: count((line) => isOnTheList(line) && line.is_new),
    done: count((line) => line.state === 'done'),
    snoozed: count((line) => line.state === 'snoozed'),
  });
  place('work-tally').hidden = !lines.length;
  place('resting').hidden = !resting.length;
  place('resting-lines').replaceChildren(...resting.map(decisionLine));
}

function showMoreDecisions() {
  state.decisionRows += MORE_ROWS;
  drawDecisions();
}
