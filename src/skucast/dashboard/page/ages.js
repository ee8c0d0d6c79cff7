// How old the page is by its reader's clock: what should be newer by now is said in words, amber first, then red.

const RED_AFTER_DAYS = 2;
const MOST_NAMED = 3;

/** The business day of a moment (milliseconds), as an ISO date. */
function businessDay(now, timeZone) {
  const parts = new Intl.DateTimeFormat('en-CA', { timeZone, year: 'numeric', month: '2-digit', day: '2-digit' });
  return parts.format(new Date(now));
}

/**
 * What of a weekly publication is missing: `cutoff` is the newest that is there, each is made the day before it is due,
 * so many days after its cutoff. Returns {made, missing, level}: days, and 'good', 'amber' or 'red'.
 */
function ageOf(cutoff, dueDays, today) {
  const madeFor = (week) => daysAfter(week, dueDays - 1).slice(0, 10);
  const missing = [];
  for (let week = weeksBefore(cutoff, -1); daysAfter(week, dueDays).slice(0, 10) <= today; week = weeksBefore(week, -1)) {
    missing.push(madeFor(week));
  }
  const daysLate = missing.length ? Math.round((new Date(today) - new Date(missing[0])) / DAY_MS) - 1 : 0;
  const level = !missing.length ? 'good' : missing.length > 1 || daysLate >= RED_AFTER_DAYS ? 'red' : 'amber';
  return { made: madeFor(cutoff), missing, level };
}

/** The business day on which the forecast shown was made; null where nobody has kept when. */
function dayMade() {
  return data.made_at && businessDay(Date.parse(data.made_at), data.due?.time_zone ?? 'UTC');
}

/** The ages of forecast and scorecard at a moment; null for what there is none of, or what nobody has said when due. */
function agesAt(now) {
  if (!data.due) return { forecast: null, scorecard: null };
  const { scorecard, forecast_days: forecastDays, scorecard_days: scorecardDays, time_zone: timeZone } = data.due;
  const today = businessDay(now, timeZone);
  return {
    forecast: data.origin && madeLater(ageOf(data.origin, forecastDays, today)),
    scorecard: scorecard && ageOf(scorecard, scorecardDays, today),
  };
}

/** A forecast that was made again after its day is of that later day. */
function madeLater(age) {
  const made = dayMade();
  return made > age.made ? { ...age, made } : age;
}

function forecastAgeText({ made, missing }) {
  const of = { made: longDay(made), missing: listed(missing.map(longDay)), n: whole(missing.length) };
  if (missing.length === 1) return t('This forecast is of {made}; one of {missing} is missing.', of);
  if (missing.length <= MOST_NAMED) return t('This forecast is of {made}; those of {missing} are missing.', of);
  return t('This forecast is of {made}; {n} are missing, the newest of {last}.', { ...of, last: longDay(missing.at(-1)) });
}

function scorecardAgeText({ made, missing }) {
  const of = { made: longDay(made), missing: listed(missing.map(longDay)), n: whole(missing.length) };
  if (missing.length === 1) return t('This scorecard is of {made}; one of {missing} is missing.', of);
  if (missing.length <= MOST_NAMED) return t('This scorecard is of {made}; those of {missing} are missing.', of);
  return t('This scorecard is of {made}; {n} are missing, the newest of {last}.', { ...of, last: longDay(missing.at(-1)) });
}

function drawAges() {
  const { forecast, scorecard } = agesAt(Date.now());
  const old = [
    [forecast, forecastAgeText],
    [scorecard, scorecardAgeText],
  ].filter(([age]) => age && age.level !== 'good');
  place('ages').replaceChildren(
    ...old.map(([age, said]) => element('p', { class: `notice ${age.level}` }, said(age))),
  );
  drawMade('made-forecast', forecast, dayMade(), data.origin && quiet(t('sales to {day}', { day: shortDay(data.origin) })));
  drawMade('made-scorecard', scorecard);
}

function drawMade(id, age, made = null, note = '') {
  place(id).parentElement.hidden = !age;
  if (!age) return;
  place(id).replaceChildren(day(made ?? age.made), note);
  place(id).className = age.level;
}

/** Whoever comes back to a page that stayed open for days reads how old it is by now. */
function listenToClock() {
  document.addEventListener('visibilitychange', () => document.hidden || drawAges());
}
