// Run health, of all combinations whatever the filter: did the runs do what they should?

const FAILED_STATUSES = ['load_failed', 'forecast_failed', 'sales_missing'];
const JOBS = {
  predict: 'Forecast',
  monitor: 'Monitoring',
  train: 'Training, all',
  retrain: 'Retraining',
  load: 'Loading of sales',
  promotions: 'Promotions plan',
  rollback: 'Rollback',
  models: 'Models by hand',
  alerts: 'Acknowledgement',
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
  const broken = open.map((alert) => check('bad', sentenceCase(sentence(alert.message)), namedAlert(alert)));
  const kept = Object.entries(standing).filter(([rule]) => !open.some((alert) => alert.rule === rule));
  return [...broken, ...kept.map(([, stands]) => stands()), agesCheck()].filter(Boolean);
}

/** One line with a sign that colour only underlines. */
function check(kind, text, more = '') {
  const [sign, word] = { good: ['\u2713', 'Good'], bad: ['!', 'Problem'], plain: ['\u2022', 'Note'] }[kind];
  const mark = element('span', { class: `mark ${kind}`, role: 'img', 'aria-label': word }, sign);
  return element('li', {}, mark, element('span', {}, text, ...(more ? [quiet(more)] : [])));
}

function originCheck() {
  if (!data.origin) return check('bad', 'No forecast is stored.');
  const age = weeksBetween(data.origin, data.cutoff);
  const made = `The newest forecast was made at the cutoff ${day(data.origin)}`;
  return age > 0
    ? check('bad', `${made}, ${counted(age, 'week')} before this run\u2019s.`)
    : check('good', sentence(made));
}

function salesCheck() {
  const known = data.history.ds.filter((_, row) => data.history.y[row] !== null);
  if (!known.length) return null;
  const latest = data.weeks[known.reduce((a, b) => Math.max(a, b))];
  const text = `The last week with known sales ended on ${day(latest)}`;
  const late = weeksBetween(latest, data.cutoff);
  return late > 0
    ? check('bad', `${text}, ${counted(late, 'week')} before this run\u2019s cutoff.`)
    : check('good', sentence(text));
}

function forecastCheck() {
  if (!data.origin) return null;
  const forecast = combinations.filter(({ index }) => rowsOf('forecasts', index).length > 0).length;
  const missing = combinations.length - forecast;
  const text = `${counted(forecast, 'combination')} ${forecast === 1 ? 'is' : 'are'} forecast.`;
  return check(
    'good',
    text,
    missing ? `${whole(missing)} more on this page ${missing === 1 ? 'has' : 'have'} a history alone` : '',
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
  return check(failed ? 'plain' : 'good', 'How the forecasts were made', parts.join(', '));
}

function planCheck() {
  if (!data.has_promotions) return null;
  const { promo_source: source, status } = data.forecasts;
  const rows = source.map((_, row) => row).filter((row) => status[row] !== 'inactive');
  if (!rows.length) return null;
  const covered = rows.filter((row) => source[row] !== 'expected').length;
  const planned = rows.filter((row) => source[row] === 'planned').length;
  const text = `The promotions plan covers ${percent(covered / rows.length)} of the weeks forecast.`;
  return check(covered ? 'good' : 'plain', text, `${percent(planned / rows.length)} have a planned promotion`);
}

function agesCheck() {
  const cutoffs = [...new Set(data.forecasts.model_cutoff.filter(Boolean))].sort();
  if (!cutoffs.length) return null;
  const [oldest, youngest] = [cutoffs[0], cutoffs.at(-1)].map((cutoff) => weeksBetween(cutoff, data.cutoff));
  const text = oldest === youngest ? counted(oldest, 'week') : `${whole(youngest)} to ${counted(oldest, 'week')}`;
  return check('plain', `The models were trained ${text} before this run\u2019s cutoff.`);
}

function runsTable() {
  if (!data.runs.length) return element('p', { class: 'empty' }, 'No earlier run is recorded.');
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
  return smallTable(['Job', 'Last run', 'Result', 'Took'], rows);
}

function jobCell(job, runs) {
  const failures = runs.filter((run) => run.exit_code !== 0).length;
  return element('span', {}, JOBS[job] ?? job, quiet(`${counted(runs.length, 'run')}, ${whole(failures)} failed`));
}

function runResult({ exit_code: code, error, n_failed: nFailed }) {
  const mark = element('span', { class: `word ${code ? 'bad' : 'good'}` }, code ? `failed (${code})` : 'done');
  const more = [error, nFailed ? `${counted(nFailed, 'combination')} failed` : ''].filter(Boolean);
  return element('span', { title: error }, mark, ...more.map(quiet));
}
