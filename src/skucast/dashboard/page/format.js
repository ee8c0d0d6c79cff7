// Numbers, days and words in the user's locale; what is undefined is shown as "-".

const DAY_MS = 86400000;
const UNDEFINED = '-';

function shown(value, options) {
  return value === null || value === undefined ? UNDEFINED : value.toLocaleString(locale, options);
}

function whole(value) {
  return shown(value, { maximumFractionDigits: 0 });
}

function fixed(value, digits = 2) {
  return shown(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function percent(value, digits = 1) {
  return shown(value, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function signedPercent(value) {
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
  return shown(value, { style: 'percent', ...digits, signDisplay: 'exceptZero' });
}

/** Difference of two ratios, in percentage points. */
function points(value) {
  if (value === null || value === undefined) return UNDEFINED;
  const digits = { minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: 'exceptZero' };
  return t('{n}\u00a0pp', { n: shown(100 * value, digits) });
}

function quantity(value) {
  return shown(value, { maximumFractionDigits: decimals(value) });
}

function signedQuantity(value) {
  return shown(value, { maximumFractionDigits: decimals(value), signDisplay: 'exceptZero' });
}

function decimals(value) {
  const size = Math.abs(value);
  return size >= 100 ? 0 : size >= 1 ? 1 : 2;
}

function interval(lower, upper) {
  return lower === null || upper === null ? UNDEFINED : `${quantity(lower)}\u00a0\u2013\u00a0${quantity(upper)}`;
}

function dateFormat(options) {
  return new Intl.DateTimeFormat(locale, { timeZone: 'UTC', ...options });
}

function day(iso) {
  return iso ? dateFormat({ dateStyle: 'medium' }).format(new Date(iso)) : UNDEFINED;
}

function shortDay(iso) {
  return iso ? dateFormat({ day: 'numeric', month: 'short' }).format(new Date(iso)) : UNDEFINED;
}

/** Day and month in words, for sentences. */
function longDay(iso) {
  return dateFormat({ day: 'numeric', month: 'long' }).format(new Date(iso));
}

/** Words as a list of the user's language: a, b and c. */
function listed(words) {
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(words);
}

/** A moment in the user's own time zone. */
function moment(iso) {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(iso));
}

function duration(seconds) {
  if (seconds === null) return UNDEFINED;
  return seconds < 90
    ? t('{n}\u00a0s', { n: shown(seconds, { maximumFractionDigits: seconds < 10 ? 1 : 0 }) })
    : t('{n}\u00a0min', { n: fixed(seconds / 60, 1) });
}

/** Day and month in the order of the user's locale, in the plotting library's notation. */
function dayMonthFormat() {
  const parts = dateFormat({ day: 'numeric', month: 'short' })
    .formatToParts(0)
    .map((part) => part.type);
  return parts.indexOf('month') < parts.indexOf('day') ? '%b %-d' : '%-d %b';
}

function partOf(parts, type, otherwise) {
  return parts.find((part) => part.type === type)?.value ?? otherwise;
}

/** A date may end in a full stop of its own, as in Russian. */
function sentence(text) {
  return text.endsWith('.') ? text : `${text}.`;
}

function sentenceCase(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function weeksBetween(earlier, later) {
  return Math.round((new Date(later) - new Date(earlier)) / (7 * DAY_MS));
}

function weeksBefore(iso, weeks) {
  return daysAfter(iso, -7 * weeks).slice(0, 10);
}

function daysAfter(iso, days) {
  return new Date(new Date(iso).getTime() + days * DAY_MS).toISOString().slice(0, 19);
}
