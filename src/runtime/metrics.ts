// Gauges and counters that are read when somebody asks, in Prometheus' base units. Names: millrace_<stage>_<what>_<unit>.

import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Measure {
  readonly name: `millrace_${string}`;
  readonly help: string;
  readonly labels: readonly string[];
  /** Called at each scrape. */
  readonly read: () => Iterable<Sample>;
}

/** A registry of these measures and Node's own (memory, event loop, CPU). */
export function createRegistry(measures: readonly Measure[]): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const measure of measures) {
    registry.registerMetric(
      new Gauge({
        name: measure.name,
        help: measure.help,
        labelNames: [...measure.labels],
        registers: [],
        collect() {
          this.reset();
          for (const { labels, value } of measure.read()) this.set(labels, value);
        },
      }),
    );
  }
  return registry;
}
