

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


-- One row per combination or sum and week: why the forecast is not what the run before said. Pick one level.
CREATE OR REPLACE VIEW `${PROJECT}.${DATASET}.skucast_changes` (
    cutoff OPTIONS (description = 'last complete week when the forecast was made'),
    is_latest OPTIONS (description = 'made by the newest cutoff; filter by true before adding up'),
    previous_cutoff OPTIONS (description = 'that of the forecast compared with; of a sum the newest of its combinations'),
    level OPTIONS (description = 'what is summed: total, unit, channel, unit_channel, SKU_ID or combination; pick one'),
    unit OPTIONS (description = 'business unit; * = all'),
    channel OPTIONS (description = 'sales channel; * = all'),
    SKU_ID OPTIONS (description = 'article; * = all'),
    ds OPTIONS (description = 'week that both forecast, by its last day'),
    n_combinations OPTIONS (description = 'combinations that are summed'),
    final_before OPTIONS (description = 'what the last run published; in sums the expected value'),
    final OPTIONS (description = 'what this run publishes; in sums the expected value'),
    change OPTIONS (description = 'final - final_before: the sum of the parts'),
    data_restated OPTIONS (description = 'part of the change: sales that were corrected'),
    new_sales OPTIONS (description = 'part of the change: last week’s sales, through the lag'),
    level_and_trend OPTIONS (description = 'part of the change: level and trend'),
    season OPTIONS (description = 'part of the change: time of the year'),
    holidays OPTIONS (description = 'part of the change: holidays'),
    promotions OPTIONS (description = 'part of the change: promotions that are planned as before, and usual ones'),
    weather OPTIONS (description = 'part of the change: weather'),
    bounds OPTIONS (description = 'part of the change: cut at 0 or the most; in sums the expected value against the middle'),
    plan OPTIONS (description = 'part of the change: promotions that were added, withdrawn or changed'),
    model OPTIONS (description = 'part of the change: own models retrained, refreshed or rolled back'),
    panel OPTIONS (description = 'part of the change: another version of the panel model'),
    blend OPTIONS (description = 'part of the change: other weights of the models'),
    model_and_data OPTIONS (description = 'part of the change: new model and sales together, the old version being gone'),
    other_method OPTIONS (description = 'part of the change: made in another way'),
    new_articles OPTIONS (description = 'part of the change: articles that the last run did not forecast'),
    gone_articles OPTIONS (description = 'part of the change: articles that this run does not forecast'),
    override OPTIONS (description = 'part of the change: the planner’s word'),
    why OPTIONS (description = 'the largest parts in words, the largest that goes the way of the change first')
) OPTIONS (description = 'Why forecasts changed, in parts that add up; for Looker Studio') AS
SELECT
    cutoff,
    cutoff = MAX(cutoff) OVER () AS is_latest,
    previous_cutoff, level, unit, channel, SKU_ID, ds, n_combinations, final_before, final, change,
    data_restated, new_sales, level_and_trend, season, holidays, promotions, weather, bounds, plan,
    model, panel, blend, model_and_data, other_method, new_articles, gone_articles, override,
    why
FROM `${PROJECT}.${DATASET}.${CHANGES_TABLE}`;
