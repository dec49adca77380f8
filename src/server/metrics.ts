// What the server counts, in the text format of Prometheus. A library for this would weigh more than the rest of the server.
// https://prometheus.io/docs/instrumenting/exposition_formats/

type Labels = Readonly<Record<string, string | number>>;

export interface Counter {
  add(labels?: Labels): void;
}
export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

export interface Metrics {
  counter(name: string, help: string): Counter;
  /** `buckets`: upper ends, growing. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram;
  gauge(name: string, help: string, read: () => number): void;
  text(): string;
}

const escaped = (value: string | number) => String(value).replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));
const labelled = (labels: Labels) => {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return parts.length ? `{${parts.join(',')}}` : '';
};

/** Sums by name and labels, as lines. */
function sums() {
  const values = new Map<string, number>();
  const add = (name: string, labels: Labels, by: number) => {
    const key = name + labelled(labels);
    values.set(key, (values.get(key) ?? 0) + by);
  };
  return { add, lines: () => [...values].map(([key, value]) => `${key} ${value}`) };
}

export function openMetrics(): Metrics {
  const families: { name: string; help: string; type: string; lines: () => string[] }[] = [];
  return {
    counter(name, help) {
      const { add, lines } = sums();
      families.push({ name, help, type: 'counter', lines });
      return { add: (labels = {}) => add(name, labels, 1) };
    },
    histogram(name, help, buckets) {
      const { add, lines } = sums();
      families.push({ name, help, type: 'histogram', lines });
      return {
        observe(value, labels = {}) {
          for (const le of [...buckets, Infinity])
            add(`${name}_bucket`, { ...labels, le: le === Infinity ? '+Inf' : le }, value <= le ? 1 : 0);
          add(`${name}_sum`, labels, value);
          add(`${name}_count`, labels, 1);
        },
      };
    },
    gauge: (name, help, read) => void families.push({ name, help, type: 'gauge', lines: () => [`${name} ${read()}`] }),
    text: () =>
      families
        .map(({ name, help, type, lines }) => [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...lines(), ''].join('\n'))
        .join(''),
  };
}
