// Run health, of all combinations whatever the filter: did the runs do what they should?

const FAILED_STATUSES = ['load_failed', 'forecast_failed', 'sales_missing'];
const JOBS = {
  predict: t('Forecast'),
  monitor: t('Monitoring'),
  train: t('Training, all'),
  retrain: t('Retraining'),
  load: t('Loading of sales'),
  promotions: t('Promotions plan'),
  rollback: t('Rollback'),
  models: t('Models by hand'),
  alerts: t('Acknowledgement'),
};

function drawHealth() {
  place('checks').replaceChildren(...healthChecks());
  place('runs').replaceChildren(runsTable());
}

/** What each rule of the system is about: its alert where it is broken, else how it stands. */
function healthChecks() {
  const open = systemAlerts();
  const standing = {
    no_run: originCheck,
    sales_late: salesCheck,
    forecast_coverage: forecastCheck,
    failures: madeByCheck,
    promo_plan: planCheck,
  };
  const broken = open.map((alert) => check('bad', sentenceCase(sentence(messageOf(alert))), namedAlert(alert)));
  const kept = Object.entries(standing).filter(([rule]) => !open.some((alert) => alert.rule === rule));
  return [...broken, ...kept.map(([, stands]) => stands()), agesCheck()].filter(Boolean);
}

/** One line with a sign that colour only underlines. */
function check(kind, text, more = '') {
  const [sign, word] = { good: ['\u2713', t('Good')], bad: ['!', t('Problem')], plain: ['\u2022', t('Note')] }[kind];
  const mark = element('span', { class: `mark ${kind}`, role: 'img', 'aria-label': word }, sign);
  return element('li', {}, mark, element('span', {}, text, ...(more ? [quiet(more)] : [])));
}

function originCheck() {
  if (!data.origin) return check('bad', t('No forecast is stored.'));
  const age = weeksBetween(data.origin, data.cutoff);
  const made = { day: day(data.origin), weeks: counted(age, 'week') };
  return age > 0
    ? check('bad', t('The newest forecast was made at the cutoff {day}, {weeks} before this run\u2019s.', made))
    : check('good', sentence(t('The newest forecast was made at the cutoff {day}', made)));
}

function salesCheck() {
  const sold = data.history.ds.filter((_, row) => data.history.y[row] !== null);
  if (!sold.length) return null;
  const latest = data.weeks[sold.reduce((a, b) => Math.max(a, b))];
  const late = weeksBetween(latest, data.cutoff);
  const known = { day: day(latest), weeks: counted(late, 'week') };
  return late > 0
    ? check('bad', t('The last week with known sales ended on {day}, {weeks} before this run\u2019s cutoff.', known))
    : check('good', sentence(t('The last week with known sales ended on {day}', known)));
}

function forecastCheck() {
  if (!data.origin) return null;
  const forecast = combinations.filter(({ index }) => rowsOf('forecasts', index).length > 0).length;
  const missing = combinations.length - forecast;
  return check(
    'good',
    tn('{n}\u00a0combination is forecast.', '{n}\u00a0combinations are forecast.', forecast),
    missing
      ? tn('{n} more on this page has a history alone', '{n} more on this page have a history alone', missing)
      : '',
  );
}

function madeByCheck() {
  const counts = new Map();
  for (const { index } of combinations) {
    const row = rowOf('forecasts', index);
    if (row >= 0) counts.set(data.forecasts.status[row], (counts.get(data.forecasts.status[row]) ?? 0) + 1);
  }
  if (!counts.size) return null;
  const failed = FAILED_STATUSES.some((status) => counts.has(status));
  const parts = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([status, n]) => `${whole(n)} ${STATUSES[status] ?? status}`);
  return check(failed ? 'plain' : 'good', t('How the forecasts were made'), parts.join(', '));
}

function planCheck() {
  if (!data.has_promotions) return null;
  const { promo_source: source, status } = data.forecasts;
  const rows = source.map((_, row) => row).filter((row) => status[row] !== 'inactive');
  if (!rows.length) return null;
  const covered = rows.filter((row) => source[row] !== 'expected').length;
  const planned = rows.filter((row) => source[row] === 'planned').length;
  const shares = { covered: percent(covered / rows.length), planned: percent(planned / rows.length) };
  return check(
    covered ? 'good' : 'plain',
    t('The promotions plan covers {covered} of the weeks forecast.', shares),
    t('{planned} have a planned promotion', shares),
  );
}

function agesCheck() {
  const cutoffs = [...new Set(data.forecasts.model_cutoff.filter(Boolean))].sort();
  if (!cutoffs.length) return null;
  const [oldest, youngest] = [cutoffs[0], cutoffs.at(-1)].map((cutoff) => weeksBetween(cutoff, data.cutoff));
  const weeks = counted(oldest, 'week');
  const text =
    oldest === youngest
      ? t('The models were trained {weeks} before this run\u2019s cutoff.', { weeks })
      : t('The models were trained {least} to {weeks} before this run\u2019s cutoff.', { least: whole(youngest), weeks });
  return check('plain', text);
}

function runsTable() {
  if (!data.runs.length) return element('p', { class: 'empty' }, t('No earlier run is recorded.'));
  const newest = new Map();
  for (const run of data.runs) newest.set(run.job, [...(newest.get(run.job) ?? []), run]);
  const order = Object.keys(JOBS);
  const jobs = [...newest].sort((a, b) => order.indexOf(a[0]) - order.indexOf(b[0]));
  const rows = jobs.map(([job, runs]) => [
    jobCell(job, runs),
    moment(runs[0].run_at),
    runResult(runs[0]),
    duration(runs[0].seconds),
  ]);
  return smallTable([t('Job'), t('Newest run'), t('Result'), t('Took')], rows);
}

function jobCell(job, runs) {
  const failures = runs.filter((run) => run.exit_code !== 0).length;
  return element('span', {}, JOBS[job] ?? job, quiet(t('{runs}, {n} failed', { runs: counted(runs.length, 'run'), n: whole(failures) })));
}

function runResult({ exit_code: code, error, n_failed: nFailed }) {
  const mark = element('span', { class: `word ${code ? 'bad' : 'good'}` }, code ? t('failed ({code})', { code }) : t('done'));
  const more = [error, nFailed ? tn('{n}\u00a0combination failed', '{n}\u00a0combinations failed', nFailed) : ''].filter(Boolean);
  return element('span', { title: error }, mark, ...more.map(quiet));
}
