// A kind of messages of one's own: funding rates of perpetual futures, as Binance gives them at
// /fapi/v1/fundingRate, an object a line. Nothing of Sluice is changed for it:
//
//   sluice backfill --extension examples/funding-rates.mjs \
//     --format binance-funding examples/funding-rates-2025-01-15.jsonl
//
// or `extensions: [./funding-rates.mjs]` in the config. It makes bronze.funding_rate_messages,
// silver.funding_rates and gold.funding.

/** @type {import('sluice-lakehouse/shared-transforms').LakeExtension} */
export const extension = {
  name: 'funding-rates',
  kinds: [
    {
      name: 'funding_rate',
      doc: 'One row is a rate that one side of a perpetual future pays the other at a time.',
      // A symbol has one rate a time: the same line again is a duplicate, another rate a conflict.
      identity: 'time',
      partition: 'month',
      columns: [
        { name: 'rate', holds: 'rate', doc: 'Share of the position; > 0: longs pay shorts.' },
        {
          name: 'mark_price',
          holds: 'price',
          doc: 'Price that the payment is counted by; null: not told.',
          isOptional: true,
        },
      ],
      impossible: { reason: 'out-of-range', sql: 'abs(rate) > 1' },
    },
  ],
  formats: [
    {
      name: 'binance-funding',
      version: 1,
      kind: 'funding_rate',
      file: 'ndjson',
      columns: {
        venue_symbol: 'symbol',
        event_ts: 'fundingTime',
        rate: 'fundingRate',
        mark_price: 'markPrice',
      },
      constants: { venue: 'binance-futures' },
      time: { unit: 'ms' },
    },
  ],
  gold: [
    {
      name: 'gold.funding',
      doc: 'One row is the funding rates of one symbol over a step of time.',
      kind: 'funding_rate',
      columns: [
        {
          name: 'last_rate',
          type: 'decimal(18, 8)',
          doc: 'Last rate of the window.',
          partial: 'max_by(rate, order_key)',
          merge: 'max_by(last_rate, last_key)',
        },
        {
          name: 'rate_count',
          type: 'long',
          doc: 'Number of rates.',
          partial: 'count(*)',
          merge: 'CAST(sum(rate_count) AS BIGINT)',
        },
        {
          name: 'sum_rate',
          type: 'decimal(38, 8)',
          doc: 'Sum of the rates: what a position of 1 paid or got.',
          partial: 'CAST(sum(rate) AS DECIMAL(38, 8))',
          merge: 'CAST(sum(sum_rate) AS DECIMAL(38, 8))',
        },
        {
          name: 'avg_rate',
          type: 'decimal(18, 8)',
          doc: 'Mean of the rates, 8 decimals.',
          quotient: ['sum_rate', 'rate_count'],
        },
        {
          name: 'last_key',
          type: 'string',
          doc: 'Order key of the last rate: merge column.',
          role: 'lineage',
          partial: 'max(order_key)',
          merge: 'max(last_key)',
        },
      ],
    },
  ],
}
