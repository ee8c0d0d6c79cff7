// Which override counts of every number, and what it makes of it: as the job takes them.

const NOT_SOLD = ['inactive', 'announced'];
const NO_SALES = 1e-9; // less than that are none: no share of a group can be told by them

function isAbout(word, { unit, channel, sku }) {
  return (
    (word.unit === ALL || word.unit === unit) &&
    (word.channel === ALL || word.channel === channel) &&
    (word.sku === ALL || word.sku === sku)
  );
}

const rowsByScope = new Map();
let byName = null;

/** Each combination by its three names, as scopes are written. */
function combinationsByName() {
  byName ??= new Map(combinations.map((each) => [JSON.stringify([each.unit, each.channel, each.sku]), each]));
  return byName;
}

/** The rows of the forecast that a word's names are about, whatever the week; looked for once. */
function rowsOfScope(word) {
  const scope = JSON.stringify([word.unit, word.channel, word.sku]);
  if (!rowsByScope.has(scope)) {
    const one = combinationsByName().get(scope);
    const found = one ? [one] : combinations.filter((combination) => isAbout(word, combination));
    const rows = found.flatMap(({ index }) => rowsOf('forecasts', index)).filter((row) => !isOver(row));
    rowsByScope.set(scope, rows);
  }
  return rowsByScope.get(scope);
}

/** Those of its weeks. */
function rowsOfWord(word) {
  return rowsOfScope(word).filter((row) => {
    const week = data.weeks[data.forecasts.ds[row]];
    return week >= word.first && week <= word.last;
  });
}

/** What was said before, one statement per names and week, and these lines: as the forecast takes them. */
function statements(lines) {
  const { said } = data.overrides;
  const off = new Set(lines.map((line) => line.off).filter(Boolean));
  const before = said.ds
    .map((week, at) => ({
      unit: said.unit[at],
      channel: said.channel[at],
      sku: said.SKU_ID[at],
      first: week,
      last: week,
      kind: said.kind[at],
      value: said.value[at],
      id: said.override_id[at],
    }))
    .filter(({ id }) => !off.has(id));
  return [...before, ...lines.filter((line) => !line.off)];
}

/** The number that counts of every row: the narrowest word about it, of equally narrow ones the last; forecast/overriding.py. */
function applied(lines) {
  return settledBy(lines).final;
}

/** The same, with the rows that a word is about: of these a sum counts the number itself, of others what is expected. */
function settledBy(lines) {
  const { yhat, status } = data.forecasts;
  const final = yhat.map((number) => number ?? 0);
  const settled = new Set();
  const named = ({ unit, channel, sku }) => [unit, channel, sku].filter((name) => name !== ALL).length;
  const inOrder = statements(lines).map((word, at) => ({ ...word, at, named: named(word) }));
  inOrder.sort((a, b) => b.named - a.named || b.at - a.at);
  for (const word of inOrder) {
    for (const rows of rowsByWeek(word).values()) {
      const mine = rows.filter((row) => !settled.has(row));
      const sum = mine.reduce((total, row) => total + (yhat[row] ?? 0), 0);
      const taken = rows.filter((row) => settled.has(row)).reduce((total, row) => total + final[row], 0);
      const wanted = { '=': word.value - taken, '+': sum + word.value, '%': sum * (1 + word.value / 100) }[word.kind];
      const sold = mine.filter((row) => !NOT_SOLD.includes(status[row]));
      const evenly = new Set(sold.length ? sold : mine);
      for (const row of mine) {
        if (sum > NO_SALES) final[row] = (Math.max(wanted, 0) * (yhat[row] ?? 0)) / sum;
        else final[row] = evenly.has(row) ? Math.max(wanted, 0) / evenly.size : 0;
        settled.add(row);
      }
    }
  }
  return { final, settled };
}

function rowsByWeek(word) {
  const found = new Map();
  for (const row of rowsOfWord(word)) {
    const week = data.forecasts.ds[row];
    if (!found.has(week)) found.set(week, []);
    found.get(week).push(row);
  }
  return found;
}
