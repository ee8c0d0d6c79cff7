

-- One row per sum of forecasts: pick one level before anything is added up, and never add up the ends of intervals.
CREATE OR REPLACE VIEW `${PROJECT}.${DATASET}.skucast_totals` (
    cutoff OPTIONS (description = 'last complete week when the forecast was made'),
    is_latest OPTIONS (description = 'made by the newest cutoff'),
    level OPTIONS (description = 'what is summed: total, unit, channel, unit_channel, SKU_ID or combination; pick one'),
    unit OPTIONS (description = 'business unit; * = all'),
    channel OPTIONS (description = 'sales channel; * = all'),
    SKU_ID OPTIONS (description = 'article; * = all'),
    ds_from OPTIONS (description = 'first week that is summed, by its last day'),
    ds OPTIONS (description = 'last week that is summed; the same for one week alone'),
    step OPTIONS (description = 'weeks between the forecast and that week, 1 = next week; 0 = all weeks together; pick one'),
    n_combinations OPTIONS (description = 'combinations that are summed'),
    yhat OPTIONS (description = 'expected sales'),
    yhat_lower OPTIONS (description = 'lower end of the 80 % interval of the sum'),
    yhat_upper OPTIONS (description = 'upper end of the 80 % interval of the sum'),
    sum_yhat OPTIONS (description = 'sum of the published forecasts, which are middles'),
    final OPTIONS (description = 'expected sales with what planners have corrected')
) OPTIONS (description = 'Sums of forecasts with intervals of their own; for Looker Studio') AS
SELECT
    cutoff,
    cutoff = MAX(cutoff) OVER () AS is_latest,
    level, unit, channel, SKU_ID, ds_from, ds, step, n_combinations, yhat, yhat_lower, yhat_upper, sum_yhat, final
FROM `${PROJECT}.${DATASET}.${TOTALS_TABLE}`;


-- One row per combination and cutoff: what must be in stock or on its way, and what to order.
CREATE OR REPLACE VIEW `${PROJECT}.${DATASET}.skucast_orders` (
    cutoff OPTIONS (description = 'last complete week when the forecast was made'),
    is_latest OPTIONS (description = 'made by the newest cutoff; filter by true before adding up'),
    unit OPTIONS (description = 'business unit'),
    channel OPTIONS (description = 'sales channel'),
    SKU_ID OPTIONS (description = 'article'),
    combination OPTIONS (description = 'unit/channel/SKU_ID as one text'),
    abc_class OPTIONS (description = 'A, B, C, where terms are by class; - = they are not'),
    lead_time_weeks OPTIONS (description = 'weeks from order to arrival'),
    review_weeks OPTIONS (description = 'weeks from order to order'),
    ds_from OPTIONS (description = 'first week that the stock must last for, by its last day'),
    ds OPTIONS (description = 'last one'),
    service_level OPTIONS (description = 'wanted share of orders that last until the next'),
    expected_demand OPTIONS (description = 'expected sales of these weeks'),
    order_up_to OPTIONS (description = 'stock and goods on their way that last'),
    safety_stock OPTIONS (description = 'what of it is above expected sales'),
    is_extended OPTIONS (description = 'these weeks go beyond those that are forecast'),
    on_hand OPTIONS (description = 'stock at the end of the newest week; NULL = not known'),
    on_hand_day OPTIONS (description = 'day of that stock'),
    proposed_order OPTIONS (description = 'what is missing, less what is on its way already; NULL = stock not known'),
    days_of_cover OPTIONS (description = 'days that the stock lasts at expected sales; NULL = not known, or none expected')
) OPTIONS (description = 'What to order by the forecast; for Looker Studio') AS
SELECT
    cutoff,
    cutoff = MAX(cutoff) OVER () AS is_latest,
    unit, channel, SKU_ID,
    CONCAT(unit, '/', channel, '/', SKU_ID) AS combination,
    COALESCE(abc_class, '-') AS abc_class,
    lead_time_weeks, review_weeks, ds_from, ds, service_level,
    expected_demand, order_up_to, safety_stock, is_extended, on_hand, on_hand_day, proposed_order, days_of_cover
FROM `${PROJECT}.${DATASET}.${ORDERS_TABLE}`;
