// Orders: what must be in stock or on its way, and what is missing; how good sums and orders were.

const MOST_ORDERS = 10;
let orderRows = MOST_ORDERS;

const SUM_LEVELS = {
  total: t('Total'),
  unit: t('Units'),
  channel: t('Channels'),
  unit_channel: t('Units by channel'),
  SKU_ID: t('SKUs'),
  combination: t('Single combinations'),
};

addSection({ draw: drawOrders });
place('more-orders').addEventListener('click', showMoreOrders);

function drawOrders() {
  const rows = state.matching.map(({ index }) => orderOf(index)).filter(Boolean).sort(byMissing);
  place('orders').hidden = !data.orders.weeks.length;
  place('orders-lead').textContent = ordersLead(rows);
  place('orders-hint').textContent = [ordersHint(rows), servedText()].filter(Boolean).join(' ');
  const headings = [t('Combination'), t('Order'), t('Needed'), t('In stock'), t('Lasts'), t('Expected sales')];
  const head = headings.map((heading) => element('th', { scope: 'col' }, heading));
  const shownOnes = rows.slice(0, orderRows);
  place('orders-table').tHead.replaceChildren(element('tr', {}, ...head));
  place('orders-table').tBodies[0].replaceChildren(...shownOnes.map(orderLine));
  if (!rows.length) place('orders-table').tBodies[0].append(emptyRow(headings.length));
  drawMore('more-orders', rows.length - shownOnes.length);
  drawSumsScored();
}

function orderOf(index) {
  const row = rowOf('orders', index);
  return row < 0 ? null : { ...alertAt(data.orders, row), index };
}

/** What is to be ordered first; where no stock is known, what is needed most. */
function byMissing(a, b) {
  return (b.proposed_order ?? -1) - (a.proposed_order ?? -1) || b.order_up_to - a.order_up_to || a.index - b.index;
}

function orderLine(order) {
  const days = order.days_of_cover;
  const lasts = days === null ? UNDEFINED : tn('{n}\u00a0day', '{n}\u00a0days', Math.floor(days));
  return element(
    'tr',
    {},
    element('th', { scope: 'row' }, combinationLink(order.index)),
    element('td', {}, element('b', {}, quantity(order.proposed_order))),
    element('td', {}, quantity(order.order_up_to), quiet(termsOf(order))),
    element('td', {}, quantity(order.on_hand), order.on_hand_day ? quiet(shortDay(order.on_hand_day)) : ''),
    element('td', {}, lasts),
    element('td', {}, quantity(order.expected_demand)),
  );
}

function termsOf({ weeks, level }) {
  return t('{weeks}, {level}', { weeks: counted(weeks, 'week'), level: percent(level, 0) });
}

function ordersLead(rows) {
  const known = rows.filter(({ proposed_order: missing }) => missing !== null);
  const needed = rows.reduce((sum, row) => sum + row.order_up_to, 0);
  const lead = t(
    'Needed is what must be in stock or on its way now to last until the next order arrives, as safely as is wanted: {needed} in all.',
    { needed: quantity(needed) },
  );
  if (!known.length) return lead;
  const missing = known.reduce((sum, row) => sum + row.proposed_order, 0);
  const order = t('To be ordered: {missing}, less what is on its way already.', { missing: quantity(missing) });
  return `${lead} ${order}`;
}

function ordersHint(rows) {
  const longer = rows.filter((row) => row.is_extended).length;
  if (!longer) return '';
  return t('{combinations} must last longer than is forecast: further weeks count as the mean of those that are.', {
    combinations: counted(longer, 'combination'),
  });
}

function servedText() {
  if (!data.served) return '';
  const { n, service_level: achieved, service_level_wanted: wanted, fill_rate: fill, since } = data.served;
  return t('Of {n} orders since {day} {achieved} would have lasted, {wanted} were wanted; they would have served {fill} of what was sold.', {
    n: whole(n),
    day: longDay(since),
    achieved: percent(achieved),
    wanted: percent(wanted),
    fill: percent(fill),
  });
}

/** The model operator's: sums are single numbers that were hit or missed, whatever the filter. */
function drawSumsScored() {
  place('sums').hidden = !data.sums_scored.length && !data.served;
  place('sums-lead').textContent = servedText();
  const lines = data.sums_scored.map((row) => [
    SUM_LEVELS[row.level],
    percent(row.wape),
    signedPercent(row.bias),
    scoredShare(row.coverage, row.n),
    signedPercent(row.whole_bias),
    scoredShare(row.whole_coverage, row.whole_n),
  ]);
  const headings = [t('Sum of'), t('WAPE'), t('Bias'), t('Coverage'), t('Bias, all weeks together'), t('Coverage, all weeks together')];
  place('sums-table').replaceChildren(...(lines.length ? [smallTable(headings, lines)] : []));
}

function scoredShare(share, n) {
  return n ? t('{share} of {n}', { share: percent(share, 0), n: whole(n) }) : UNDEFINED;
}

function showMoreOrders() {
  orderRows += MORE_ROWS;
  drawOrders();
}
